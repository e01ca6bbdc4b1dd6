"""The table of formats: every name is there once, and who decodes what is said of each."""

from __future__ import annotations

from model.formats.media import GIF, MEDIA_TYPES, PNG, written_as


def test_only_what_pillow_decodes_has_a_pillow_name() -> None:
    assert {media.name for media in MEDIA_TYPES if media.pillow} == {"jpeg", "png", "gif", "webp", "avif", "jxl"}
    assert {media.name for media in MEDIA_TYPES if media.codecs} == {"mp4", "webm"}
    assert {media.name for media in MEDIA_TYPES if not media.judged} == {"matroska"}


def test_names_are_those_of_one_format() -> None:
    for names in zip(*((media.name, media.mime, media.extension, media.title) for media in MEDIA_TYPES), strict=True):
        assert len(set(names)) == len(MEDIA_TYPES)
    assert all(media.mime.count("/") == 1 and "." not in media.extension for media in MEDIA_TYPES)


def test_a_still_is_written_as_what_it_was_but_for_gif() -> None:
    assert {media: written_as(media) for media in MEDIA_TYPES if written_as(media) is not media} == {GIF: PNG}


def test_what_people_read_of_a_judged_format() -> None:
    assert all(media.begins and media.accepted and media.refused for media in MEDIA_TYPES if media.judged)
