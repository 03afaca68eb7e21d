"""Frames declared on construct."""
