"""Where people are kept: Active Directory by LDAP, or a file."""
