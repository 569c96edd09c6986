from django.apps import AppConfig


class VoteKeysConfig(AppConfig):
    name = "portal.vote_keys"
    label = "vote_keys"
