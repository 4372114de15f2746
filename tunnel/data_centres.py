"""The city of a Cloudflare data centre: its name begins with the code of the nearest airport."""

_CITIES = {
    "adl": "Adelaide", "akl": "Auckland", "ams": "Amsterdam", "arn": "Stockholm",
    "ath": "Athens", "atl": "Atlanta", "bcn": "Barcelona", "beg": "Belgrade",
    "bkk": "Bangkok", "blr": "Bengaluru", "bne": "Brisbane", "bog": "Bogotá",
    "bom": "Mumbai", "bos": "Boston", "bru": "Brussels", "bud": "Budapest",
    "cai": "Cairo", "cdg": "Paris", "cgk": "Jakarta", "cph": "Copenhagen",
    "cpt": "Cape Town", "del": "Delhi", "den": "Denver", "dfw": "Dallas",
    "doh": "Doha", "dub": "Dublin", "dus": "Düsseldorf", "dxb": "Dubai",
    "edi": "Edinburgh", "ewr": "Newark", "eze": "Buenos Aires", "fco": "Rome",
    "fra": "Frankfurt", "gig": "Rio de Janeiro", "gru": "São Paulo", "gva": "Geneva",
    "ham": "Hamburg", "hel": "Helsinki", "hkg": "Hong Kong", "iad": "Ashburn",
    "icn": "Seoul", "ist": "Istanbul", "jnb": "Johannesburg", "kbp": "Kyiv",
    "kix": "Osaka", "kul": "Kuala Lumpur", "lax": "Los Angeles", "lhr": "London",
    "lim": "Lima", "lis": "Lisbon", "los": "Lagos", "maa": "Chennai",
    "mad": "Madrid", "man": "Manchester", "mel": "Melbourne", "mex": "Mexico City",
    "mia": "Miami", "mnl": "Manila", "mrs": "Marseille", "muc": "Munich",
    "mxp": "Milan", "nbo": "Nairobi", "nrt": "Tokyo", "ord": "Chicago",
    "osl": "Oslo", "otp": "Bucharest", "per": "Perth", "phx": "Phoenix",
    "prg": "Prague", "rix": "Riga", "scl": "Santiago", "sea": "Seattle",
    "sin": "Singapore", "sjc": "San Jose", "sof": "Sofia", "str": "Stuttgart",
    "syd": "Sydney", "tll": "Tallinn", "tlv": "Tel Aviv", "tpe": "Taipei",
    "vie": "Vienna", "vno": "Vilnius", "waw": "Warsaw", "yul": "Montréal",
    "yvr": "Vancouver", "yyz": "Toronto", "zag": "Zagreb", "zrh": "Zurich",
}  # fmt: skip


def city(location: str) -> str:
    """`fra08` → Frankfurt; an unknown code is returned as it is."""
    return _CITIES.get(location[:3].lower(), location or "Cloudflare")
