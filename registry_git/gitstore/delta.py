"""What changed between two versions of one tree, as git's packs write it."""

from __future__ import annotations

_COPY_MAX = 0x10000
_INSERT_MAX = 127


def tree_delta(base: bytes, target: bytes) -> bytes:
    """The instructions that make `target` from `base`: its equal start, what differs, its equal end.

    Successive versions of a directory differ by an entry or two, so this is nearly as small as a full search would
    find, at a fraction of the cost. Applied to `base` it gives exactly `target`, whatever the two are.
    """
    start = common_start(base, target)
    end = _common_end(base, target, min(len(base), len(target)) - start)
    out = bytearray()
    _size(out, len(base))
    _size(out, len(target))
    _copy(out, 0, start)
    middle = target[start : len(target) - end]
    for at in range(0, len(middle), _INSERT_MAX):
        piece = middle[at : at + _INSERT_MAX]
        out.append(len(piece))
        out += piece
    _copy(out, len(base) - end, end)
    return bytes(out)


def common_start(left: bytes, right: bytes) -> int:
    """How many bytes the two have in common at their beginning."""
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_end(left: bytes, right: bytes, most: int) -> int:
    low, high = 0, most
    left_size, right_size = len(left), len(right)
    while low < high:
        middle = (low + high + 1) // 2
        if left[left_size - middle : left_size - low] == right[right_size - middle : right_size - low]:
            low = middle
        else:
            high = middle - 1
    return low


def _size(out: bytearray, size: int) -> None:
    while size > 0x7F:
        out.append(size & 0x7F | 0x80)
        size >>= 7
    out.append(size)


def _copy(out: bytearray, offset: int, size: int) -> None:
    while size > 0:
        length = min(size, _COPY_MAX)
        opcode = 0x80
        arguments = bytearray()
        for bit in range(4):
            byte = offset >> (8 * bit) & 0xFF
            if byte:
                opcode |= 1 << bit
                arguments.append(byte)
        if length != _COPY_MAX:  # no size at all means 64 KiB
            for bit in range(2):
                byte = length >> (8 * bit) & 0xFF
                if byte:
                    opcode |= 0x10 << bit
                    arguments.append(byte)
        out.append(opcode)
        out += arguments
        offset += length
        size -= length
