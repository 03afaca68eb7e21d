"""``python -m metaprotocol_sdk`` is ``metaproto``."""

from metaprotocol_sdk.cli import main

if __name__ == "__main__":
    main()
