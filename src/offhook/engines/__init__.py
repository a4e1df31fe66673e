"""SIP engines: what implements the port `SipEngine` of the actions."""
