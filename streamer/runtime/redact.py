"""Credentials of cameras, taken out of texts that leave the process."""

import re

# To the last @: a password may hold / and @. Redact too much rather than leave a part of it.
_CREDENTIALS = re.compile(r"(?<=://)\S*@")
_SECRET_QUERY = re.compile(
    r"([?&](?:user(?:name)?|pass(?:word|wd)?|pwd|token|auth|key|secret|loginuse|loginpas)=)[^&\s]*",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """Take credentials out of every URL in a text, so that it can be logged."""
    return _SECRET_QUERY.sub(r"\1***", _CREDENTIALS.sub("***@", text))
