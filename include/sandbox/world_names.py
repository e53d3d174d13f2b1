"""Invented names for two invented companies, and what differs between them: currency, country, calendar."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """What a company is called and where it trades. `group_currency` is the other currency of its ledger."""

    currency: str
    group_currency: str
    rates_to_currency: tuple[tuple[str, str], ...]
    country: str
    calendar: str
    companies: tuple[str, str]
    banners: tuple[str, ...]
    distributor: str
    regions: tuple[str, str, str, str]


DEMO = Profile(
    currency="USD",
    group_currency="CAD",
    rates_to_currency=(("CAD", "0.7315"), ("EUR", "1.1420"), ("GBP", "1.3105")),
    country="United States",
    calendar="US-MONTHLY",
    companies=("1000", "2000"),
    banners=("Northgate Markets", "Kestrel Foods", "Harvest Lane", "Bluebarn Club", "Sundial Grocers"),
    distributor="Pelican Distribution",
    regions=("Northeast", "South", "Midwest", "West"),
)

HARBOR = Profile(
    currency="EUR",
    group_currency="GBP",
    rates_to_currency=(("GBP", "1.1480"), ("USD", "0.8757"), ("SEK", "0.0905")),
    country="Netherlands",
    calendar="EU-MONTHLY",
    companies=("NL01", "DE01"),
    banners=("Duinmarkt", "Hafenkorb", "Molenhof", "Zilverwinkel", "Kranich"),
    distributor="Waterkant Groothandel",
    regions=("Noord", "Zuid", "Oost", "West"),
)

PROFILES = {"demo": DEMO, "harbor": HARBOR}


def profile(tenant: str) -> Profile:
    """The profile of a tenant; a tenant without one of its own trades like the demo company."""
    return PROFILES.get(tenant, DEMO)


#: brand, category, sub-category, product words: a product group of the company, promoted together.
PRODUCT_GROUPS = (
    ("Copper Kettle", "Sauces", "Pasta sauce", ("Marinara", "Arrabbiata", "Basil Pesto", "Vodka Cream")),
    ("Copper Kettle", "Sauces", "Cooking sauce", ("Tikka", "Teriyaki", "Green Curry", "Mole")),
    ("Fieldnote", "Snacks", "Crackers", ("Sea Salt", "Rosemary", "Seeded Rye", "Cheddar")),
    ("Fieldnote", "Snacks", "Granola", ("Maple Pecan", "Cocoa Almond", "Honey Oat", "Berry")),
    ("Tidewater", "Beverages", "Sparkling water", ("Lime", "Grapefruit", "Plain", "Cucumber")),
    ("Tidewater", "Beverages", "Iced tea", ("Peach", "Lemon", "Mint", "Unsweetened")),
    ("Orchard & Oak", "Breakfast", "Jam", ("Strawberry", "Apricot", "Blackcurrant", "Fig")),
    ("Orchard & Oak", "Breakfast", "Nut butter", ("Peanut", "Almond", "Hazelnut", "Cashew")),
    ("Winterbourne", "Frozen", "Soup", ("Tomato", "Leek", "Lentil", "Squash")),
    ("Winterbourne", "Frozen", "Ready meal", ("Lasagne", "Pie", "Curry", "Risotto")),
)

FIRST_NAMES = [
    "Ada",
    "Ben",
    "Carla",
    "Dmitri",
    "Elena",
    "Farid",
    "Grace",
    "Hugo",
    "Ines",
    "Jonas",
    "Kira",
    "Liam",
    "Mina",
    "Noor",
    "Oskar",
    "Priya",
    "Quentin",
    "Rosa",
    "Sven",
    "Tara",
    "Umar",
    "Vera",
    "Wen",
    "Xenia",
    "Yusuf",
    "Zoe",
    "Amir",
    "Bianca",
    "Cole",
    "Dana",
    "Emil",
    "Fiona",
    "Gabe",
    "Hanna",
    "Ivan",
    "Jade",
    "Karim",
    "Lena",
    "Marco",
    "Nina",
]
LAST_NAMES = [
    "Abbott",
    "Brandt",
    "Castellan",
    "Dufresne",
    "Ekström",
    "Farrow",
    "Granger",
    "Hollis",
    "Ibsen",
    "Jansen",
    "Kowalski",
    "Lindqvist",
    "Marsh",
    "Novak",
    "Okafor",
    "Petrov",
    "Quist",
    "Reyes",
    "Sandoval",
    "Thorne",
    "Ueda",
    "Vasquez",
    "Whitlock",
    "Xiang",
    "Young",
    "Zeller",
]
INDUSTRIES = ("Retail", "Food & Beverage", "Hospitality", "Healthcare", "Education", "Wholesale")
PARTNERS = ("Brightpath Consulting", "Loomis Group", "Northwind Partners", "Sablewood", "Tessera Digital")
OEMS = ("Acme Cooling", "Borealis", "Corvid Systems", "Delta Packaging", "Everline", "Foundry Nine")
