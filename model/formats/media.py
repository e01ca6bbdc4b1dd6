"""The table of media formats: what each is called, how it begins, which decoder it has, and what is refused of it.

A format without a decoder is one that pict-rs stores and the filter does not judge. Which one a file is says
model/formats/sniff.py.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MediaType:
    """One format. `extension` has no dot; `pillow` is Pillow's name for it; `codecs` are FFmpeg's names of what a video
    of it may be written in. Without either it is not judged. The rest is for people: its name, the bytes that it begins
    with, what is accepted of it and what is refused.
    """

    name: str
    mime: str
    extension: str
    title: str
    begins: str = ""
    accepted: str = ""
    refused: str = ""
    pillow: str | None = None
    codecs: tuple[str, ...] = ()

    @property
    def judged(self) -> bool:
        """Whether there is a decoder for it."""
        return self.pillow is not None or bool(self.codecs)


JPEG = MediaType(
    name="jpeg",
    mime="image/jpeg",
    extension="jpg",
    title="JPEG",
    begins="`FF D8 FF`",
    accepted="baseline and progressive, grey, colour, CMYK; several pictures (MPO): each is judged",
    refused="arithmetic coding, lossless, 12 bits; scans that show one picture and then another",
    pillow="JPEG",
)
PNG = MediaType(
    name="png",
    mime="image/png",
    extension="png",
    title="PNG, APNG",
    begins="`89 PNG`",
    accepted="nearly all depths and kinds of colour, interlaced; animated (APNG): each frame that differs",
    refused="a wrong checksum, missing rows, chunks twice or out of place, rare blends that viewers compose otherwise",
    pillow="PNG",
)
GIF = MediaType(
    name="gif",
    mime="image/gif",
    extension="gif",
    title="GIF",
    begins="`GIF87a`, `GIF89a`",
    accepted="still and animated: each frame that differs",
    refused="frames beyond the screen, undefined disposals, anything between the blocks",
    pillow="GIF",
)
WEBP = MediaType(
    name="webp",
    mime="image/webp",
    extension="webp",
    title="WebP",
    begins="`RIFF....WEBP`",
    accepted="lossy and lossless, alpha; animated: each frame that differs",
    refused="a still and an animation in one file, sizes that do not agree",
    pillow="WEBP",
)
AVIF = MediaType(
    name="avif",
    mime="image/avif",
    extension="avif",
    title="AVIF",
    begins="`ftyp` with the brand `avif` or `avis`",
    accepted="still and animated; with both, both are judged",
    refused="items that viewers choose or compose differently",
    pillow="AVIF",
)
JXL = MediaType(
    name="jxl",
    mime="image/jxl",
    extension="jxl",
    title="JPEG XL",
    begins="`FF 0A`, or a `JXL ` box",
    accepted="stills",
    refused="animations, previews, high dynamic range, premultiplied alpha; bytes behind its end",
    pillow="JXL",
)
MP4 = MediaType(
    name="mp4",
    mime="video/mp4",
    extension="mp4",
    title="MP4, QuickTime",
    begins="`ftyp` with a brand of MP4",
    accepted="one video track in H.264, H.265 or AV1, at most one of sound",
    refused="a second or hidden track of pictures, subtitles, cover art, edit lists that hide or repeat frames",
    codecs=("h264", "hevc", "av1"),
)
WEBM = MediaType(
    name="webm",
    mime="video/webm",
    extension="webm",
    title="WebM",
    begins="EBML with the type `webm`",
    accepted="one video track in VP8, VP9 or AV1, at most one of sound",
    refused="a second or hidden track of pictures, subtitles, attachments, transparency",
    codecs=("vp8", "vp9", "av1"),
)
MATROSKA = MediaType("matroska", "video/x-matroska", "mkv", "Matroska")

MEDIA_TYPES = (JPEG, PNG, GIF, WEBP, AVIF, JXL, MP4, WEBM, MATROSKA)
"""All formats that are known by name, still and animated alike: an APNG is a png."""


def written_as(media: MediaType) -> MediaType:
    """The format in which a still is encoded anew: its own, but PNG for a GIF, whose 256 colours PNG has too."""
    return PNG if media is GIF else media
