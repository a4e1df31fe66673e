"""Offhook: a PBX that provisions desk phones and explains what goes wrong."""

__version__ = "0.1.0"
