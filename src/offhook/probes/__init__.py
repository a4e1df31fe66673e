"""Probes: ask our own ports, names, clock, certificate and the site's DHCP as phones would."""
