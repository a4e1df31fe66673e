"""SIP without sockets and clocks: messages and moments in, answers and effects out.

A leaf: imports nothing of ours and does no I/O. RFC 3261 and the RFCs each module cites.
"""
