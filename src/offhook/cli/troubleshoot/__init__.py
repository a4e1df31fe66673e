"""The guide's five checks; only the standard library, so that a bare Python 3.11 runs them.

`scripts/troubleshoot_provisioning.py` and `offhook doctor` are two doors to the same `run()`.
"""
