"""The fold's words in English and Indonesian: levels, reasons, components, authorities, data status.

Both tables have the same keys; a test holds them to the enums they name.
"""

from typing import Any

Words = dict[str, Any]

ENGLISH: Words = {
    "levels": {"normal": "normal", "waspada": "waspada (watch)", "siaga": "siaga (alert)", "awas": "awas (danger)"},
    "reasons": {
        "grave_incident": "a grave incident was told; no second source has confirmed it yet",
        "grave_incident_confirmed": "a grave incident was told, and a second source bears it out",
        "incident_pressure": "there are more reports than this place shows on an ordinary day at this hour",
        "turnout_anomaly": "turnout figures are odd",
        "spill_over": "neighbouring regencies are in unrest",
        "rolling_sum": "the severity sum of the last hour reached its threshold",
        "members": "several regencies of the province rose",
        "calm": "it has been calm for long enough",
        "correction": "a report behind the level was retracted or corrected",
        "confirmation": "a second source now bears out what was told",
        "silence": "no report has come in for a long time",
        "reports_resumed": "reports are coming in again",
    },
    "changes": {
        "raised": "raised to {level}", "lowered": "lowered to {level}", "cleared": "cleared: back to {level}",
        "amended": "amended, still {level}", "stale": "went silent, level held at {level}",
        "recovered": "is heard again, level {level}",
    },
    "components": {
        "security": "reports of threats and violence", "integrity": "reports of bought or bent votes",
        "supply": "reports of missing material and hazards", "process": "reports of procedure and counting",
        "turnout": "odd turnout figures", "neighbours": "unrest next door",
        "prior": "structural risk known before the day",
        "rolling_sum": "severity sum of the last hour", "members_awas": "regencies at awas",
        "members_siaga": "regencies at siaga", "members_waspada": "regencies at waspada",
    },
    "statuses": {
        "live": "Reports are coming in.",
        "stale": "No report has come in for hours. The level is held, and silence does not mean safety.",
        "silent": "This place has never reported. That does not mean it is safe: nothing is known.",
    },
    "routes": {
        "kpu": "KPU", "bawaslu": "Bawaslu", "gakkumdu": "Gakkumdu", "police": "police", "governor": "governor",
        "kominda": "Kominda", "bpbd": "BPBD",
    },
    "categories": {
        "logistics": "logistics", "administration": "administration", "eligibility": "eligibility",
        "money_politics": "money politics", "neutrality": "neutrality", "disinformation": "disinformation",
        "intimidation": "intimidation", "protest": "protest", "clash": "clash", "property_attack": "attack on property",
        "fatality": "fatality", "natural_hazard": "natural hazard", "data_integrity": "data integrity",
    },
    "incident_statuses": {"reported": "reported", "verified": "verified", "resolved": "resolved"},
    "now": "{name} ({regency}) is at {level}, score {score} of 100, since {since}; as of {as_of}.",
    "then": "{time}  {name} {change} (score {score}, threshold {threshold}): {reason}.",
    "unverified": "This rests on one source and is not verified.",
    "parts": "The score is made of:",
    "no_parts": "Nothing adds to the score.",
    "points": "{points} from {what}",
    "evidence": "Behind it, heaviest first:",
    "incident": "{category}, severity {severity}, {status} ({incident_id})",
    "heard": "To be told: {routes}.",
    "windows": "Incidents: {hour} in the last hour, {six} in six hours, {day} in a day.",
    "turnout": "Turnout: {reported} of {expected} stations told, {voted} of {registered} voted{share}.",
    "over": "{over} stations have more voters than entitled.",
    "confidence": "Sources: {sources}; verified: {verified}.",
    "rules": "By ruleset {ruleset}; ledger partition {partition}, offset {offset}.",
    "history": "How it came to this:",
    "no_history": "No level change has been published.",
    "held": "The score alone is below this level's threshold. A grave incident holds a level for an hour; then it falls step by step, after a time of calm, and only while reports come in.",
    "unknown": "unknown",
}  # fmt: skip

INDONESIAN: Words = {
    "levels": {"normal": "normal", "waspada": "waspada", "siaga": "siaga", "awas": "awas"},
    "reasons": {
        "grave_incident": "ada laporan insiden berat; belum ada sumber kedua yang membenarkan",
        "grave_incident_confirmed": "ada laporan insiden berat, dan sumber kedua membenarkannya",
        "incident_pressure": "laporan lebih banyak daripada yang lazim di wilayah ini pada jam ini",
        "turnout_anomaly": "angka partisipasi janggal",
        "spill_over": "wilayah tetangga sedang bergejolak",
        "rolling_sum": "jumlah bobot satu jam terakhir mencapai ambang",
        "members": "beberapa kabupaten/kota di provinsi ini naik",
        "calm": "keadaan sudah cukup lama tenang",
        "correction": "laporan yang mendasari tingkat ini ditarik atau diralat",
        "confirmation": "sumber kedua kini membenarkan laporan",
        "silence": "sudah lama tidak ada laporan masuk",
        "reports_resumed": "laporan masuk lagi",
    },
    "changes": {
        "raised": "naik ke {level}", "lowered": "turun ke {level}", "cleared": "selesai: kembali {level}",
        "amended": "diralat, tetap {level}", "stale": "tidak terdengar, tingkat ditahan di {level}",
        "recovered": "terdengar lagi, tingkat {level}",
    },
    "components": {
        "security": "laporan ancaman dan kekerasan", "integrity": "laporan suara yang dibeli atau dibelokkan",
        "supply": "laporan logistik yang kurang dan bencana", "process": "laporan prosedur dan penghitungan",
        "turnout": "angka partisipasi yang janggal", "neighbours": "gejolak di wilayah tetangga",
        "prior": "kerawanan yang sudah diketahui sebelum hari H", "rolling_sum": "jumlah bobot satu jam terakhir",
        "members_awas": "kabupaten/kota di tingkat awas", "members_siaga": "kabupaten/kota di tingkat siaga",
        "members_waspada": "kabupaten/kota di tingkat waspada",
    },
    "statuses": {
        "live": "Laporan masuk.",
        "stale": "Sudah berjam-jam tidak ada laporan. Tingkat ditahan; sunyi bukan berarti aman.",
        "silent": "Wilayah ini belum pernah melapor. Itu bukan berarti aman: tidak ada yang diketahui.",
    },
    "routes": {
        "kpu": "KPU", "bawaslu": "Bawaslu", "gakkumdu": "Gakkumdu", "police": "polisi", "governor": "gubernur",
        "kominda": "Kominda", "bpbd": "BPBD",
    },
    "categories": {
        "logistics": "logistik", "administration": "administrasi", "eligibility": "hak pilih",
        "money_politics": "politik uang", "neutrality": "netralitas", "disinformation": "disinformasi",
        "intimidation": "intimidasi", "protest": "unjuk rasa", "clash": "bentrokan", "property_attack": "perusakan",
        "fatality": "korban jiwa", "natural_hazard": "bencana alam", "data_integrity": "integritas data",
    },
    "incident_statuses": {"reported": "dilaporkan", "verified": "terverifikasi", "resolved": "selesai"},
    "now": "{name} ({regency}) berada di tingkat {level}, skor {score} dari 100, sejak {since}; per {as_of}.",
    "then": "{time}  {name} {change} (skor {score}, ambang {threshold}): {reason}.",
    "unverified": "Ini bertumpu pada satu sumber dan belum terverifikasi.",
    "parts": "Skor terdiri dari:",
    "no_parts": "Tidak ada yang menambah skor.",
    "points": "{points} dari {what}",
    "evidence": "Yang mendasari, dari yang terberat:",
    "incident": "{category}, keparahan {severity}, {status} ({incident_id})",
    "heard": "Yang perlu diberi tahu: {routes}.",
    "windows": "Insiden: {hour} dalam satu jam, {six} dalam enam jam, {day} dalam sehari terakhir.",
    "turnout": "Partisipasi: {reported} dari {expected} TPS melapor, {voted} dari {registered} memilih{share}.",
    "over": "{over} TPS mencatat pemilih lebih banyak daripada yang berhak.",
    "confidence": "Sumber: {sources}; terverifikasi: {verified}.",
    "rules": "Menurut aturan {ruleset}; buku besar partisi {partition}, offset {offset}.",
    "history": "Jalannya sampai ke sini:",
    "no_history": "Belum ada perubahan tingkat yang diterbitkan.",
    "held": "Skor saja di bawah ambang tingkat ini. Insiden berat menahan tingkat selama satu jam; setelah itu turun bertahap, setelah masa tenang, dan hanya selama laporan masuk.",
    "unknown": "tidak diketahui",
}  # fmt: skip

LANGUAGES: dict[str, Words] = {"en": ENGLISH, "id": INDONESIAN}
