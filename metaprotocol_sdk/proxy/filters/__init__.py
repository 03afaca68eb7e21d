"""One concern a file: each sees every request on its way in and every reply on its way out.

The router is the chain's end and lives in ``proxy/router.py``.
"""
