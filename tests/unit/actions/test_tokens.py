"""Tokens: known at once, worthless at once, and cheap for the database."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime

import pytest

from offhook.actions.tokens import CACHE_S, Tokens, digest_of
from offhook.core.model import Token
from offhook.errors import BadRequestError
from tests.world import World


@dataclass(slots=True)
class FakeTokenStore:
    """Tokens by name; counts how often it was read and written."""

    tokens: dict[str, Token] = field(default_factory=dict)
    reads: int = 0
    uses: list[datetime] = field(default_factory=list)

    async def put_token(self, token: Token) -> None:
        self.tokens[token.name] = token

    async def delete_token(self, name: str) -> bool:
        return self.tokens.pop(name, None) is not None

    async def list_tokens(self) -> list[Token]:
        self.reads += 1
        return [self.tokens[name] for name in sorted(self.tokens)]

    async def note_token_used(self, digest: str, at: datetime) -> None:
        self.uses.append(at)
        for name, token in self.tokens.items():
            if token.digest == digest:
                self.tokens[name] = replace(token, last_used_at=at)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def store() -> FakeTokenStore:
    return FakeTokenStore()


@pytest.fixture
def tokens(world: World, store: FakeTokenStore) -> Tokens:
    return Tokens(changing=world.changing, store=store, monotonic=world.clock.monotonic)


async def test_token_is_known_by_its_text_only(tokens: Tokens, store: FakeTokenStore) -> None:
    token, text = await tokens.make_token("local", "laptop")
    assert await tokens.holder_of(text) == "laptop"
    for wrong in ("", "laptop", token.digest, text + "x", text[:-1], "\ud800"):
        assert await tokens.holder_of(wrong) is None
    assert text not in repr(store.tokens)
    assert store.tokens["laptop"].digest == digest_of(text)


async def test_every_token_is_another(tokens: Tokens) -> None:
    texts = {(await tokens.make_token("local", f"t{number}"))[1] for number in range(20)}
    assert len(texts) == 20
    assert all(len(text) > 40 for text in texts)


async def test_making_and_revoking_leave_changes_without_the_text(
    tokens: Tokens, world: World
) -> None:
    _, text = await tokens.make_token("local", "laptop")
    await tokens.revoke_token("token other", "laptop")
    rows = world.store.changes
    assert [(row.actor, row.action) for row in rows] == [
        ("local", "created"),
        ("token other", "deleted"),
    ]
    assert text not in repr(rows)


async def test_revoked_here_is_worthless_at_once(tokens: Tokens) -> None:
    _, text = await tokens.make_token("local", "laptop")
    assert await tokens.holder_of(text) == "laptop"
    await tokens.revoke_token("local", "laptop")
    assert await tokens.holder_of(text) is None


async def test_revoked_elsewhere_is_worthless_after_a_moment(
    tokens: Tokens, store: FakeTokenStore, world: World
) -> None:
    _, text = await tokens.make_token("local", "laptop")
    assert await tokens.holder_of(text) == "laptop"
    store.tokens.clear()
    world.clock.pass_s(CACHE_S + 0.1)
    assert await tokens.holder_of(text) is None


async def test_many_calls_read_the_database_once(
    tokens: Tokens, store: FakeTokenStore, world: World
) -> None:
    _, text = await tokens.make_token("local", "laptop")
    await tokens.holder_of(text)
    reads = store.reads
    for _ in range(100):
        await tokens.holder_of(text)
        await tokens.holder_of("wrong")
    assert store.reads == reads
    world.clock.pass_s(1.1)
    for _ in range(100):
        await tokens.holder_of("wrong")
    assert store.reads == reads + 1


async def test_use_is_noted_once_a_minute(
    tokens: Tokens, store: FakeTokenStore, world: World
) -> None:
    _, text = await tokens.make_token("local", "laptop")
    for _ in range(3):
        await tokens.holder_of(text)
    world.clock.pass_s(59)
    await tokens.holder_of(text)
    await asyncio.sleep(0)
    assert len(store.uses) == 1
    world.clock.pass_s(2)
    await tokens.holder_of(text)
    await asyncio.sleep(0)
    assert len(store.uses) == 2


async def test_names_are_taken_once(tokens: Tokens) -> None:
    await tokens.make_token("local", "laptop")
    with pytest.raises(BadRequestError) as taken:
        await tokens.make_token("local", "laptop")
    assert taken.value.status == 409
    with pytest.raises(BadRequestError) as missing:
        await tokens.revoke_token("local", "other")
    assert missing.value.status == 404
