"""Texts without keys: addresses are shown without users, passwords and signatures, and no value of a known key is shown at all."""

from __future__ import annotations

import logging
import re

_SECRETS: set[str] = set()


def redact(text: str) -> str:
    """Address or text without keys: no user, no password, no query but its names, no value of a known key."""
    for secret in sorted(_SECRETS, key=len, reverse=True):
        text = text.replace(secret, "***")
    text = re.sub(r"(\w+://)[^/@\s]*@", r"\1***@", text)
    return re.sub(r"(?i)([?&][^=&\s]*(?:key|token|sig|signature|secret|password|credential)[^=&\s]*=)[^&\s#]*", r"\1***", text)


class _Redaction(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        """Log lines of the HTTP library without keys."""
        record.msg, record.args = redact(record.getMessage()), None
        return True


def silence_keys(secrets: tuple[str, ...]) -> None:
    """Show none of these in any text or log line from now on."""
    for secret in secrets:
        _SECRETS.update(part for part in (secret, secret.split(" ")[-1]) if len(part) >= 4)
    logger = logging.getLogger("urllib3.connectionpool")
    if not any(isinstance(each, _Redaction) for each in logger.filters):
        logger.addFilter(_Redaction())
