"""What must not alarm: single minor reports, ordinary days, protests, drills."""

from tests.streams.timelines import check


def test_one_minor_report_in_a_small_place_is_no_wave():
    check("""
        09:00 Pagar Alam: intimidation 2 by bawaslu
        11:00 nothing
    """)


def test_an_ordinary_morning_in_a_large_place_is_no_wave():
    check("""
        08:00 Palembang: administration 1 by kpu, 12 times
        08:20 Palembang: logistics 2 by bawaslu
        08:40 Palembang: logistics 1 by kpu
        09:00 Palembang: intimidation 2 by polri
        11:00 nothing
    """)


def test_a_protest_is_a_right_whatever_its_size():
    check("""
        10:00 Palembang: protest 5 by polri, 30 times
        10:00 Palembang: protest 3 by bawaslu, 30 times
        12:00 nothing
    """)


def test_a_drill_moves_nothing():
    check("""
        10:00 Palembang: drill fatality 5 by polri
        10:05 Palembang: drill clash 5 by bawaslu
        12:00 nothing
    """)
