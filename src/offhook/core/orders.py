"""What the records of orders to fetch again say, where rules go by the words."""

from __future__ import annotations

BY_PERSON = "asked by a person"
"""The reason of an order that a person gave; a change gives its own."""

NO_TARGET = "the phone is not registered any more"
"""The detail of an order that had nowhere to go when its turn came."""
