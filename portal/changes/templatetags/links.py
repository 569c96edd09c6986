"""Tags for what users copy and follow: copy buttons, tickets, and addresses in texts of users."""

from __future__ import annotations

from django import template
from django.conf import settings
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from portal.changes.domain.mentions import find_unknown_mentions, split_mentions
from portal.changes.models.comment import Comment
from portal.common.invisible_characters import code_point, replace_invisible, show_invisible
from portal.common.links import find_ticket_address, split_addresses

register = template.Library()


@register.simple_tag
def copy_button(value: object, label: str) -> SafeString:
    """Render a button that copies the value exactly as stored; `label` names the value. Never for a client secret."""
    # An HTML parser turns a raw carriage return into a line feed.
    exact = format_html_join(format_html("&#13;{}", ""), "{}", ((part,) for part in str(value).split("\r")))
    title = _("Copy %(label)s") % {"label": label}
    return _render("_copy_button.html", value=exact, title=title, copied=_("Copied"))


@register.simple_tag
def segura_address(identifier: int) -> str:
    """Return the address of an API secret in Segura's own pages by SEGURA_UI_URL, or ''."""
    return settings.SEGURA_UI_URL.replace("{identifier}", str(identifier))


@register.filter
def ticket_link(ticket: str) -> SafeString:
    """Return a ticket as a link to its page if a pattern of TICKET_URL_PATTERN matches it, else as text."""
    address = find_ticket_address(ticket, settings.TICKET_URL_PATTERNS)
    return _render("_ticket_link.html", address=address, ticket=ticket) if address else _escaped(show_invisible(ticket))


@register.filter
def with_links(text: str) -> SafeString:
    """Return a text with addresses of LINK_HOSTS as links; other addresses stay text and get a copy button."""
    return _link_addresses(show_invisible(text))


@register.filter
def with_mentions(comment: Comment) -> SafeString:
    """Return the text of a comment with mentions highlighted, and addresses as `with_links` shows them."""
    shown = (
        format_html('<b class="mention">{}</b>', text)
        if named
        else _link_addresses(replace_invisible(text, code_point))
        for text, named in split_mentions(comment.text, comment.mentions)
    )
    return format_html_join("", "{}", ((piece,) for piece in shown))


@register.filter
def unknown_mentions(comment: Comment) -> list[str]:
    """Return the mentions of a comment whose users were not notified, because they may not see the change."""
    return find_unknown_mentions(comment.text, comment.mentions)


def _link_addresses(text: str) -> SafeString:
    if "://" not in text:
        return _escaped(text)
    return _render("_linked_text.html", pieces=split_addresses(text, settings.LINK_HOSTS))


def _escaped(text: str) -> SafeString:
    return format_html("{}", text)


def _render(name: str, **context: object) -> SafeString:
    """Render a template that stands within text, whose file therefore has no line end."""
    return render_to_string(name, context)
