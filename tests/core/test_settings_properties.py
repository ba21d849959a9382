"""Settings and overrides of any kind: they fit, or one sentence says why not."""

from hypothesis import given
from hypothesis import strategies as st

from core.config import config_model, flatten
from core.overrides import merge, nest, parse_overrides, validate
from tests.hostile import JSON, refusal

KEYS = sorted(key for key, _ in flatten(config_model()().model_dump(mode="json")))


@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=6), JSON, max_size=3))
def test_settings_of_any_kind_fit_or_are_refused_in_a_sentence(values):
    settings = {}
    for key, value in values.items():
        merge(settings, nest(key.split("."), value))
    assert (refusal(validate, settings, "here") or "here: ").startswith("here: ")


@given(st.sampled_from(KEYS), st.text(max_size=12))
def test_overrides_are_texts_of_any_kind(key, word):
    read = parse_overrides([f"{key}={word}"])
    assert (refusal(validate, read, "--set") or "--set: ").startswith("--set: ")


@given(st.text(max_size=20))
def test_an_override_without_a_key_and_a_value_is_refused(text):
    sentence = refusal(parse_overrides, [text])
    has_key = "=" in text and all(part.strip() for part in text.partition("=")[0].split("."))
    assert (sentence is None) == has_key
    assert (sentence or "--set ").startswith("--set ")


@given(st.sampled_from(KEYS), st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_read_as_it_was_written(key, value):
    word = str(value).lower() if isinstance(value, bool) else repr(value)
    assert dict(flatten(parse_overrides([f"{key}={word}"])))[key] == value
