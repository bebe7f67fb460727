"""torch's random numbers on a CPU, compiled: the Mersenne twister, a whole state of 624 words at a time."""

from __future__ import annotations

import numpy as np

from spikefa.scan.compiled import compiled

WORDS, SHIFT = 624, 397
_UPPER, _LOWER = np.uint32(0x80000000), np.uint32(0x7FFFFFFF)
_MATRIX = np.uint32(0x9908B0DF)


@compiled
def _twisted(high, low):
    word = (high & _UPPER) | (low & _LOWER)
    return (word >> np.uint32(1)) ^ (_MATRIX if low & np.uint32(1) else np.uint32(0))


@compiled
def _advance(state):
    """The next 624 words of the state; in three loops, none of which reads what it wrote."""
    for i in range(WORDS - SHIFT):
        state[i] = state[i + SHIFT] ^ _twisted(state[i], state[i + 1])
    for i in range(WORDS - SHIFT, 2 * (WORDS - SHIFT)):
        state[i] = state[i - (WORDS - SHIFT)] ^ _twisted(state[i], state[i + 1])
    for i in range(2 * (WORDS - SHIFT), WORDS - 1):
        state[i] = state[i - (WORDS - SHIFT)] ^ _twisted(state[i], state[i + 1])
    state[WORDS - 1] = state[SHIFT - 1] ^ _twisted(state[WORDS - 1], state[0])


@compiled
def _temper(state, words):
    for i in range(WORDS):
        y = state[i]
        y ^= y >> np.uint32(11)
        y ^= (y << np.uint32(7)) & np.uint32(0x9D2C5680)
        y ^= (y << np.uint32(15)) & np.uint32(0xEFC60000)
        words[i] = y ^ (y >> np.uint32(18))


@compiled
def words(state, used, out):
    """Fill ``out`` with the words that follow the first ``used`` of a state; returns how many are used in the end."""
    block, done = np.empty(WORDS, np.uint32), 0
    _temper(state, block)
    while done < len(out):
        if used == WORDS:
            _advance(state)
            _temper(state, block)
            used = 0
        count = min(WORDS - used, len(out) - done)
        part, given = out[done : done + count], block[used : used + count]
        for i in range(count):
            part[i] = given[i]
        used += count
        done += count
    return used


@compiled
def single(state, used, out):
    """Uniform numbers in float32, of the low 24 bits of a word each; else as :func:`words`."""
    block, done = np.empty(WORDS, np.uint32), 0
    _temper(state, block)
    while done < len(out):
        if used == WORDS:
            _advance(state)
            _temper(state, block)
            used = 0
        count = min(WORDS - used, len(out) - done)
        part, given = out[done : done + count], block[used : used + count]
        for i in range(count):
            part[i] = np.float32(np.int32(given[i] & np.uint32(0xFFFFFF))) * np.float32(2**-24)
        used += count
        done += count
    return used
