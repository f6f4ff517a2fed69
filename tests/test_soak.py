"""A few cycles of the soak: everything a network can do in one process, again and again, leaves nothing behind."""

import pytest
from reliability import soak


def test_cycles_of_building_asking_saving_and_loading_leave_no_file_thread_or_descriptor(tmp_path, monkeypatch):
    monkeypatch.setattr(soak, "MOST_POINTS", dict.fromkeys(soak.MOST_POINTS, 100))
    samples, counts = soak.soak(600, 0, 1, tmp_path, most_cycles=6)
    assert counts.total() == 6
    first, last = soak.Sample(*samples[0]), soak.Sample(*samples[-1])
    assert (last.descriptors, last.threads, last.files) == (first.descriptors, first.threads, 0)


def test_growth_is_what_the_last_cycles_hold_more_than_the_first():
    samples = [soak.Sample(1000 + 2 * i, 50, 4, 1, 0) for i in range(30)]
    grown, slopes = soak.growth(samples)
    assert grown == {"rss_kb": 40, "objects": 0, "descriptors": 0, "threads": 0, "files": 0}
    assert slopes["rss_kb"] == pytest.approx(2)
