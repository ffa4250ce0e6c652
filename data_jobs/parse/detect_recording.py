"""The media type of audio and video files, told from their first bytes."""

from data_jobs.parse import media_types as types

_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_STARTS = (
    (b"fLaC", types.FLAC),
    (b"OggS", types.OGG),
    (b"FLV\x01", types.FLV),
    (b"\x00\x00\x01\xba", types.MPEG),
    (_ASF, types.ASF),
    (b"\x1a\x45\xdf\xa3", types.MATROSKA),
)
_RIFF = {b"WAVE": types.WAV, b"AVI ": types.AVI}
_IFF = {b"AIFF": types.AIFF, b"AIFC": types.AIFF}
_AUDIO_BRANDS = (b"M4A ", b"M4B ", b"M4P ")
# Pictures come in the same container.
_PICTURE_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")
_BOXES = (b"moov", b"mdat", b"wide", b"free", b"skip")
_TS_PACKET = 188
_TS_PACKETS = 4


def detect_recording(head: bytes) -> str | None:
    """Return the media type of a file that begins with `head`, None if it is no recording."""
    if head[:4] in (b"RIFF", b"RF64"):
        return _RIFF.get(head[8:12])
    if head[:4] == b"FORM":
        return _IFF.get(head[8:12])
    found = next((name for start, name in _STARTS if head.startswith(start)), None)
    if found == types.MATROSKA:
        return types.WEBM if b"webm" in head[:64] else found
    return found or _quicktime(head) or _mpeg_audio(head) or _transport_stream(head)


def _quicktime(head: bytes) -> str | None:
    kind, brand = head[4:8], head[8:12]
    if kind in _BOXES and head[:2] == b"\x00\x00":
        return types.QUICKTIME
    if kind != b"ftyp" or brand in _PICTURE_BRANDS:
        return None
    if brand in _AUDIO_BRANDS:
        return types.M4A
    return types.QUICKTIME if brand == b"qt  " else types.MP4


def _mpeg_audio(head: bytes) -> str | None:
    if head.startswith(b"ID3") and len(head) > 10 and max(head[6:10]) < 0x80:
        # The tag may hold a cover, larger than what we look at; other formats rarely have tags.
        size = _syncsafe(head[6:10])
        return _frame(head[10 + size :]) or types.MP3
    return _frame(head)


def _syncsafe(size: bytes) -> int:
    return size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3]


def _frame(head: bytes) -> str | None:
    """Return the type of a stream of MPEG audio frames, the first two of which must be right."""
    if len(head) < 4 or head[0] != 0xFF:
        return None
    if head[1] & 0xF6 == 0xF0:
        return types.AAC if _is_adts(head) else None
    length = _mp3_frame_size(head)
    following = head[length : length + 2] if length else b""
    return types.MP3 if len(following) == 2 and _same_stream(following, head) else None


def _is_adts(head: bytes) -> bool:
    size = (head[3] & 0x03) << 11 | head[4] << 3 | head[5] >> 5 if len(head) > 5 else 0
    return size > 7 and head[size : size + 2] == head[:2]


def _same_stream(one: bytes, other: bytes) -> bool:
    return one[0] == 0xFF and one[1] & 0xFE == other[1] & 0xFE


_RATES = (44_100, 48_000, 32_000)
_KBITS = {
    # By version 1 or not, and layer: ISO 11172-3 and 13818-3.
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def _mp3_frame_size(head: bytes) -> int | None:
    """Return the bytes of the MPEG audio frame at the start of `head`, None if there is none."""
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    rate, speed, padding = head[2] >> 2 & 3, head[2] >> 4, head[2] >> 1 & 1
    if head[1] & 0xE0 != 0xE0 or version == 1 or layer == 4 or rate == 3 or speed in (0, 15):
        return None
    first = version == 3
    hertz = _RATES[rate] // {3: 1, 2: 2, 0: 4}[version]
    bits = _KBITS[first, layer][speed - 1] * 1_000
    if layer == 1:
        return (12 * bits // hertz + padding) * 4
    return (144 if first or layer == 2 else 72) * bits // hertz + padding


def _transport_stream(head: bytes) -> str | None:
    if len(head) < _TS_PACKET * _TS_PACKETS:
        return None
    marks = {head[number * _TS_PACKET] for number in range(_TS_PACKETS)}
    return types.MPEG_TS if marks == {0x47} and head[3] & 0x10 | head[3] & 0x20 else None
