"""URLs of the operators' pages."""

from django.urls import path

from portal.operations import invitation_views, people_views, views

app_name = "operations"
urlpatterns = [
    path("", views.delivery, name="delivery"),
    path("pause/", views.pause, name="pause"),
    path("resume/", views.resume, name="resume"),
    path("connection/", views.connection, name="connection"),
    path("connection/test/", views.test_connection, name="test_connection"),
    path("users/", people_views.users, name="users"),
    path("users/add/", invitation_views.add_user, name="add_user"),
    path("users/<int:user_id>/", people_views.user, name="user"),
    path("users/<int:user_id>/send-link/", invitation_views.send_link, name="send_link"),
    path("users/<int:user_id>/give-roles/", people_views.give_roles, name="give_roles"),
    path("users/<int:user_id>/take-roles/", people_views.take_roles, name="take_roles"),
    path("users/<int:user_id>/disable/", people_views.disable_user, name="disable_user"),
    path("users/<int:user_id>/enable/", people_views.enable_user, name="enable_user"),
    path("proposals/", people_views.proposals, name="proposals"),
    path("proposals/<int:proposal_id>/", people_views.proposal, name="proposal"),
    path("proposals/<int:proposal_id>/approve/", people_views.approve_proposal, name="approve_proposal"),
    path("proposals/<int:proposal_id>/reject/", people_views.reject_proposal, name="reject_proposal"),
    path("proposals/<int:proposal_id>/withdraw/", people_views.withdraw_proposal, name="withdraw_proposal"),
    path("proposals/<int:proposal_id>/adopt/", people_views.adopt_proposal, name="adopt_proposal"),
    path("keys/", views.keys, name="keys"),
]
