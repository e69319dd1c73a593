"""The words of outward alerts, Indonesian and English. Tests hold the two lists to the same keys and to every enum."""

from typing import NamedTuple


class Words(NamedTuple):
    """One language. `{...}` is filled in by apps/integrations/cap/sentences.py."""

    event: str
    silence_event: str
    drill: dict[str, str]  # by CAP status
    levels: dict[str, str]
    changes: dict[str, str]
    reasons: dict[str, str]
    parts: dict[str, str]
    categories: dict[str, str]
    statuses: dict[str, str]
    routes: dict[str, str]
    instructions: dict[str, str]  # by level
    phrases: dict[str, str]


INDONESIAN = Words(
    event="Kerawanan pemilu",
    silence_event="Laporan pemilu terhenti",
    drill={"Exercise": "LATIHAN", "Test": "UJI COBA"},
    levels={"normal": "NORMAL", "waspada": "WASPADA", "siaga": "SIAGA", "awas": "AWAS"},
    changes={
        "raised": "{name} naik ke {level}",
        "lowered": "{name} turun ke {level}",
        "cleared": "{name} kembali ke {level}",
        "amended": "{name} tetap {level}, alasannya berubah",
        "stale": "{name}: laporan terhenti, tingkat {level} ditahan",
        "recovered": "{name}: laporan masuk lagi, tingkat {level}",
    },
    reasons={
        "grave_incident": "Insiden berat, belum ada sumber kedua",
        "grave_incident_confirmed": "Insiden berat, dibenarkan sumber kedua",
        "incident_pressure": "Laporan lebih banyak dari yang lazim di sini",
        "turnout_anomaly": "Angka partisipasi janggal",
        "spill_over": "Wilayah tetangga memanas",
        "rolling_sum": "Jumlah bobot satu jam mencapai ambang",
        "members": "Beberapa wilayah naik bersamaan",
        "calm": "Tenang cukup lama",
        "correction": "Laporan diralat atau ditarik",
        "confirmation": "Sumber kedua membenarkan",
        "silence": "Laporan berhenti masuk. Senyap bukan berarti aman",
        "reports_resumed": "Laporan masuk lagi",
    },
    parts={
        "security": "keamanan",
        "integrity": "integritas",
        "process": "penyelenggaraan",
        "supply": "pasokan logistik",
        "turnout": "partisipasi",
        "neighbours": "tetangga",
        "prior": "kerawanan awal",
        "rolling_sum": "jumlah satu jam",
        "members_awas": "wilayah di awas",
        "members_siaga": "wilayah di siaga",
        "members_waspada": "wilayah di waspada",
    },
    categories={
        "logistics": "logistik",
        "administration": "administrasi",
        "eligibility": "hak pilih",
        "money_politics": "politik uang",
        "neutrality": "netralitas",
        "disinformation": "disinformasi",
        "intimidation": "intimidasi",
        "protest": "unjuk rasa",
        "clash": "bentrokan",
        "property_attack": "perusakan",
        "fatality": "korban jiwa",
        "natural_hazard": "bencana alam",
        "data_integrity": "integritas data",
    },
    statuses={"reported": "dilaporkan", "verified": "terverifikasi", "resolved": "selesai"},
    routes={
        "kpu": "KPU",
        "bawaslu": "Bawaslu",
        "gakkumdu": "Gakkumdu",
        "police": "Polisi",
        "governor": "Gubernur",
        "kominda": "Kominda",
        "bpbd": "BPBD",
    },
    instructions={
        "normal": "Tidak ada tindakan. Tetap ikuti laporan.",
        "waspada": "Perhatikan wilayah ini dan hubungi petugas di sana.",
        "siaga": "Siapkan tindakan dan koordinasikan antar lembaga.",
        "awas": "Bahaya: putuskan tindakan sekarang. Keputusan ada pada pejabat berwenang, bukan pada sistem ini.",
        "silent": "Tanyakan ke wilayah: mengapa laporan terhenti.",
    },
    phrases={
        "province": "Provinsi {code}",
        "unverified": "belum terverifikasi",
        "unverified_long": "Belum ada sumber kedua yang membenarkan.",
        "score": "Skor {score} dari 100, ambang {threshold}, tingkat sebelumnya {previous}.",
        "parts": "Penyusun: {parts}.",
        "evidence": "Bukti terberat: {evidence}.",
        "item": "{category} (berat {severity}, {status})",
        "more": "dan {count} lagi",
        "made": "Dibuat otomatis menurut aturan {ruleset}, untuk {routes}.",
    },
)

ENGLISH = Words(
    event="Election risk",
    silence_event="Election reports stopped",
    drill={"Exercise": "EXERCISE", "Test": "TEST"},
    levels={"normal": "NORMAL", "waspada": "WASPADA (watch)", "siaga": "SIAGA (alert)", "awas": "AWAS (danger)"},
    changes={
        "raised": "{name} raised to {level}",
        "lowered": "{name} lowered to {level}",
        "cleared": "{name} back to {level}",
        "amended": "{name} stays at {level}, for changed reasons",
        "stale": "{name}: reports stopped, level {level} is held",
        "recovered": "{name}: reports are back, level {level}",
    },
    reasons={
        "grave_incident": "A grave incident, no second source yet",
        "grave_incident_confirmed": "A grave incident, confirmed by a second source",
        "incident_pressure": "More reports than usual here",
        "turnout_anomaly": "Turnout figures do not add up",
        "spill_over": "Neighbouring regencies are heating up",
        "rolling_sum": "The weights of one hour reached the threshold",
        "members": "Several regencies rose together",
        "calm": "Calm for long enough",
        "correction": "Reports were corrected or retracted",
        "confirmation": "A second source confirms",
        "silence": "Reports stopped coming in. Silence is not safety",
        "reports_resumed": "Reports are coming in again",
    },
    parts={
        "security": "security",
        "integrity": "integrity",
        "process": "process",
        "supply": "supply",
        "turnout": "turnout",
        "neighbours": "neighbours",
        "prior": "prior risk",
        "rolling_sum": "sum of one hour",
        "members_awas": "regencies at awas",
        "members_siaga": "regencies at siaga",
        "members_waspada": "regencies at waspada",
    },
    categories={
        "logistics": "logistics",
        "administration": "administration",
        "eligibility": "eligibility",
        "money_politics": "money politics",
        "neutrality": "neutrality",
        "disinformation": "disinformation",
        "intimidation": "intimidation",
        "protest": "protest",
        "clash": "clash",
        "property_attack": "attack on property",
        "fatality": "fatality",
        "natural_hazard": "natural hazard",
        "data_integrity": "data integrity",
    },
    statuses={"reported": "reported", "verified": "verified", "resolved": "resolved"},
    routes={
        "kpu": "KPU (election commission)",
        "bawaslu": "Bawaslu (supervisor)",
        "gakkumdu": "Gakkumdu (law enforcement centre)",
        "police": "Police",
        "governor": "Governor",
        "kominda": "Kominda (regional intelligence community)",
        "bpbd": "BPBD (disaster agency)",
    },
    instructions={
        "normal": "Nothing to do. Keep following the reports.",
        "waspada": "Watch this regency and call the people there.",
        "siaga": "Prepare to act and coordinate between the authorities.",
        "awas": "Danger: decide now what to do. The decision is the competent officer's, never this system's.",
        "silent": "Ask the regency why no reports come in.",
    },
    phrases={
        "province": "Province {code}",
        "unverified": "unverified",
        "unverified_long": "No second source confirms it yet.",
        "score": "Score {score} of 100, threshold {threshold}, level before {previous}.",
        "parts": "Parts: {parts}.",
        "evidence": "Heaviest evidence: {evidence}.",
        "item": "{category} (severity {severity}, {status})",
        "more": "and {count} more",
        "made": "Made automatically under ruleset {ruleset}, for {routes}.",
    },
)

LANGUAGES: dict[str, Words] = {"id-ID": INDONESIAN, "en-US": ENGLISH}
