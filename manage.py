#!/usr/bin/env python3
"""Django's command line."""

from __future__ import annotations

import json
import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        settings.SECRET_KEY  # noqa: B018 - loads the settings, where a missing variable shows
    except ImproperlyConfigured as error:
        sys.stderr.write(f"{error}\n")
        if "--json" in sys.argv:
            answer = {"ok": False, "error": {"connection": "", "step": "settings", "message": str(error)}}
            sys.stdout.write(f"{json.dumps(answer)}\n")
        return 2
    execute_from_command_line(sys.argv)
    return 0


if __name__ == "__main__":
    sys.exit(main())
