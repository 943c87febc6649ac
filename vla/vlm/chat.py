"""Chat templates for messages with images."""

from __future__ import annotations

IMAGE = "<image>"
"""Placeholder of an image in a prompt."""

_FLATTEN = """\
{%- set flat = namespace(messages=[]) -%}
{%- for message in messages -%}
{%- if message['content'] is string -%}
{%- set flat.messages = flat.messages + [message] -%}
{%- else -%}
{%- set words = namespace(text='') -%}
{%- for part in message['content'] -%}
{%- set words.text = words.text + ('IMAGE' if part['type'] == 'image' else part['text']) -%}
{%- endfor -%}
{%- set flat.messages = flat.messages + [{'role': message['role'], 'content': words.text}] -%}
{%- endif -%}
{%- endfor -%}
{%- set messages = flat.messages -%}
""".replace("IMAGE", IMAGE)

_PLAIN = """\
{%- for message in messages -%}
{{ message['role'] + ': ' + message['content'] + '\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ 'assistant: ' }}{%- endif -%}
"""


def with_images(template: str | None) -> str:
    """Return a language model's chat template, enabled for contents that are lists of texts and images.

    Args:
        template: Jinja template for contents that are strings; None for one with a line a message.
    """
    return _FLATTEN + (template or _PLAIN)
