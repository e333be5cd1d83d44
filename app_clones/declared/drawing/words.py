"""The words that rows are made of: plain lists, put together in ``phrases`` and ``drawers``."""

# fmt: off
COMPANY_HEADS = (
    "Alder", "Beacon", "Birchwood", "Bluewater", "Bright", "Cascade", "Cedar", "Clearview", "Copper", "Crescent",
    "Delta", "Eastgate", "Falcon", "Fernhill", "Granite", "Greenfield", "Harbor", "Hazel", "Highland", "Juniper",
    "Keystone", "Lakeside", "Lantern", "Maple", "Meridian", "Northwind", "Oakley", "Orchard", "Pinnacle", "Quarry",
    "Redwood", "Riverside", "Saffron", "Silverline", "Stonebridge", "Summit", "Sunrise", "Timber", "Tidewater",
    "Vale", "Westbrook",
)
COMPANY_TAILS = (
    "Analytics", "Bakery", "Books", "Clinic", "Consulting", "Design", "Dental", "Electric", "Energy", "Foods",
    "Freight", "Furniture", "Gardens", "Insurance", "Labs", "Logistics", "Media", "Motors", "Optics", "Outdoor",
    "Partners", "Pharmacy", "Press", "Robotics", "Software", "Studio", "Supply", "Systems", "Textiles", "Travel",
)
DOMAINS = ("example.com", "example.org", "example.net")

STREETS = (
    "Acacia", "Bridge", "Castle", "Chapel", "Church", "Elm", "Forest", "Garden", "Harbor", "High", "Hill", "King",
    "Lake", "Linden", "Market", "Meadow", "Mill", "Orchard", "Park", "Queen", "River", "School", "Spring", "Station",
    "Victoria",
)
STREET_KINDS = ("Street", "Road", "Lane", "Avenue", "Square", "Way")
CITIES = (  # city, region, country, country code, time zone, telephone prefix
    ("Lisbon", "Lisboa", "Portugal", "PT", "Europe/Lisbon", "351"),
    ("Porto", "Norte", "Portugal", "PT", "Europe/Lisbon", "351"),
    ("Vienna", "Wien", "Austria", "AT", "Europe/Vienna", "43"),
    ("Graz", "Steiermark", "Austria", "AT", "Europe/Vienna", "43"),
    ("Hamburg", "Hamburg", "Germany", "DE", "Europe/Berlin", "49"),
    ("Leipzig", "Sachsen", "Germany", "DE", "Europe/Berlin", "49"),
    ("Lyon", "Auvergne-Rhone-Alpes", "France", "FR", "Europe/Paris", "33"),
    ("Nantes", "Pays de la Loire", "France", "FR", "Europe/Paris", "33"),
    ("Turin", "Piemonte", "Italy", "IT", "Europe/Rome", "39"),
    ("Bologna", "Emilia-Romagna", "Italy", "IT", "Europe/Rome", "39"),
    ("Valencia", "Valencia", "Spain", "ES", "Europe/Madrid", "34"),
    ("Bilbao", "Pais Vasco", "Spain", "ES", "Europe/Madrid", "34"),
    ("Gothenburg", "Vastra Gotaland", "Sweden", "SE", "Europe/Stockholm", "46"),
    ("Bergen", "Vestland", "Norway", "NO", "Europe/Oslo", "47"),
    ("Leeds", "West Yorkshire", "United Kingdom", "GB", "Europe/London", "44"),
    ("Bristol", "Bristol", "United Kingdom", "GB", "Europe/London", "44"),
    ("Boston", "Massachusetts", "United States", "US", "America/New_York", "1"),
    ("Denver", "Colorado", "United States", "US", "America/Denver", "1"),
    ("Portland", "Oregon", "United States", "US", "America/Los_Angeles", "1"),
    ("Toronto", "Ontario", "Canada", "CA", "America/Toronto", "1"),
    ("Kyoto", "Kyoto", "Japan", "JP", "Asia/Tokyo", "81"),
    ("Busan", "Busan", "South Korea", "KR", "Asia/Seoul", "82"),
    ("Pune", "Maharashtra", "India", "IN", "Asia/Kolkata", "91"),
    ("Melbourne", "Victoria", "Australia", "AU", "Australia/Melbourne", "61"),
)
CURRENCIES = ("EUR", "USD", "GBP", "CHF", "SEK", "NOK", "CAD", "AUD", "JPY", "INR")
CLOUD_REGIONS = (
    "us-central1", "us-east1", "us-west1", "europe-west1", "europe-west3", "europe-north1", "asia-east1",
    "asia-south1",
)
LANGUAGES = ("en", "de", "fr", "it", "es", "pt", "sv", "nl", "ja", "ko", "pl", "cs")
LOCALES = ("en-US", "en-GB", "de-DE", "fr-FR", "it-IT", "es-ES", "pt-PT", "sv-SE", "nl-NL", "ja-JP", "ko-KR", "pl-PL")
COLORS = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "brown", "gray")
HEX_COLORS = (
    "#1f77b4", "#d62728", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf",
)

STATUSES = ("active", "pending", "done", "paused", "archived")
URGENCIES = ("low", "normal", "high", "urgent")
VISIBILITIES = ("public", "private", "internal")

JOBS = (
    "Accountant", "Analyst", "Architect", "Buyer", "Controller", "Designer", "Editor", "Engineer", "Event planner",
    "Head of sales", "Lawyer", "Librarian", "Nurse", "Office manager", "Product manager", "Recruiter", "Researcher",
    "Support lead", "Teacher", "Technician", "Translator", "Warehouse lead",
)
DEPARTMENTS = ("Finance", "Operations", "Legal", "Design", "Sales", "People", "Research", "Facilities", "Support",
               "Marketing", "Engineering", "Procurement")
TAGS = (
    "urgent", "later", "internal", "external", "draft", "reviewed", "billing", "legal", "press", "archive", "pilot",
    "seasonal", "training", "priority", "follow-up", "blocked", "ready", "recurring", "vip", "migration",
)
LABEL_KEYS = {
    "env": ("prod", "staging", "dev", "test"), "team": ("core", "data", "growth", "platform", "web"),
    "tier": ("frontend", "backend", "batch"), "cost-center": ("cc-100", "cc-210", "cc-340", "cc-455"),
    "owner": ("ana", "hugo", "marta", "stefan", "vera"), "stage": ("alpha", "beta", "stable"),
}
SERVICES = (
    "billing", "catalog", "checkout", "delivery", "events", "identity", "images", "inventory", "invoices", "ledger",
    "metrics", "orders", "payments", "pricing", "profiles", "reports", "reviews", "search", "sessions", "shipping",
    "signups", "support", "telemetry", "uploads",
)
ROLES = ("api", "archive", "backup", "cache", "export", "feed", "import", "index", "main", "queue", "replica", "stage",
         "sync", "worker")

ADJECTIVES = (
    "annual", "autumn", "better", "central", "clear", "early", "final", "first", "internal", "joint", "local",
    "monthly", "new", "quarterly", "regional", "revised", "second", "shared", "spring", "weekly",
)
TOPICS = (
    "archive", "budget", "catalog", "customer", "delivery", "design", "energy", "event", "hiring", "inventory",
    "library", "marketing", "office", "onboarding", "payroll", "pricing", "product", "safety", "supplier", "training",
    "travel", "website", "workshop", "security",
)
OCCASIONS = (
    "agenda", "analysis", "checklist", "contract", "estimate", "guide", "handbook", "invoice", "launch", "meeting",
    "migration", "notes", "plan", "proposal", "report", "review", "schedule", "summary", "survey", "update",
)
GROUPS = (
    "Accounts", "Assets", "Clients", "Contracts", "Equipment", "Events", "Field work", "Grants", "Ideas", "Inbox",
    "Invoices", "Maintenance", "Members", "Newsletter", "Orders", "Partners", "Photos", "Policies", "Press",
    "Projects", "Receipts", "Recipes", "Repairs", "Research", "Returns", "Samples", "Suppliers", "Templates",
    "Training", "Travel",
)
MATERIALS = (
    "Bamboo", "Canvas", "Ceramic", "Copper", "Cork", "Cotton", "Felt", "Glass", "Leather", "Linen", "Marble", "Oak",
    "Paper", "Pine", "Rubber", "Steel", "Stone", "Walnut", "Wool", "Zinc",
)
GOODS = (
    "backpack", "basket", "bench", "blanket", "bowl", "cabinet", "chair", "clock", "cushion", "desk", "hanger", "jug",
    "lamp", "mirror", "mug", "notebook", "planter", "rack", "shelf", "stool", "table", "teapot", "tray", "vase",
    "wallet",
)
PLACES = (
    "Atrium", "Annex", "Courtyard", "Depot", "East wing", "Foundry", "Gallery", "Garden room", "Greenhouse", "Hall A",
    "Hall B", "Library", "Loft", "Main hall", "North office", "Pavilion", "Quay", "Roof terrace", "Showroom",
    "South office", "Studio 1", "Studio 2", "Terminal", "Tower", "Warehouse 1", "Warehouse 2", "West wing",
    "Workshop",
)

DEVICES = (
    "badge reader", "calendar", "card terminal", "door lock", "export", "headset", "heating", "invoice form",
    "keyboard", "laptop", "login page", "mailbox", "meeting screen", "mobile app", "newsletter", "order form",
    "password reset", "phone line", "printer", "projector", "report", "scanner", "search", "shared drive",
    "time sheet", "wireless network",
)
FAILURES = (
    "asks for a code that never comes", "does not start", "does not save changes", "is missing", "is out of date",
    "is very slow", "loses its connection", "prints blank pages", "rejects my password", "shows an error",
    "shows the wrong total", "stops after a minute", "was delivered damaged", "will not open",
)
WHERES = (
    "after the update", "at the front desk", "for the new colleague", "for two customers", "in room 12",
    "in the branch", "in the warehouse", "on Mondays", "on my phone", "on the first floor", "on the second floor",
    "since this morning",
)
ATTEMPTS = (
    "A restart did not help", "Another browser shows the same", "I followed the guide twice", "It worked last week",
    "My colleagues see it too", "Nobody else has it", "The cable is fine", "We switched it off and on",
    "The last invoice was right", "It happens about once an hour",
)
WISHES = (
    "Could somebody have a look today?", "Please call me before noon.", "There is no hurry.",
    "We need it before Friday.", "A short answer is enough.", "Please tell me what to do next.",
    "I can be reached by mail.",
)

PARTS = (
    "The draft", "The first page", "The landlord", "The last shipment", "The new team", "The old contract",
    "The pilot group", "The second quote", "The shared folder", "The spring order", "The steering group",
    "The summary", "The supplier", "The test run", "The timetable", "The whole list",
)
VERBS = (
    "covers", "depends on", "explains", "follows", "goes beyond", "needs", "replaces", "should mention",
    "still lacks", "was compared with", "was sent with", "will include",
)
OBJECTS = (
    "a better photograph", "a clear owner", "a longer trial", "a second opinion", "an appendix with the details",
    "last year's figures", "one more week", "the agreed price", "the comments of both offices", "the delivery dates",
    "the final measurements", "the notes of the workshop", "the signed copy", "the winter timetable",
    "two extra tables",
)
LINKS = ("although", "and therefore", "because", "so that", "until", "while")
CLAUSES = (
    "most people were away", "nobody objected", "prices may change", "the lift is being repaired",
    "the numbers agree", "the old system stays", "the train was late", "there is room in the van",
    "we open earlier in May", "we wait for the stamp", "everyone can read it", "the weather is good",
)
REMARKS = (
    "Agreed, I will take care of it.", "Can you send me the number again?", "Done on our side.",
    "I called and left a message.", "I have added the missing page.", "It works now, thank you.",
    "Let us wait for the supplier.", "Please see the attached list.", "Still open, I will ask again tomorrow.",
    "Thanks, that was quick.", "The part has arrived.", "We can close this on Friday.",
    "I checked it twice and it is right.", "Who can approve this?", "The customer confirmed by phone.",
)

FILE_STEMS = (
    "agenda", "brochure", "budget", "contract", "floor-plan", "forecast", "guide", "invoice", "logo", "minutes",
    "notes", "order-form", "photo", "price-list", "proposal", "report", "schedule", "signature", "slides", "survey",
)
FILE_KINDS = (
    ("pdf", "application/pdf"), ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("csv", "text/csv"), ("png", "image/png"), ("jpg", "image/jpeg"), ("txt", "text/plain"),
    ("json", "application/json"), ("zip", "application/zip"), ("html", "text/html"), ("mp3", "audio/mpeg"),
)
CRONS = (
    "0 6 * * *", "30 7 * * 1-5", "0 */4 * * *", "15 2 * * 0", "0 0 1 * *", "*/10 * * * *", "45 18 * * 5",
    "0 12 * * 2,4",
)
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "curl/8.7.1", "okhttp/4.12.0",
)
# fmt: on
