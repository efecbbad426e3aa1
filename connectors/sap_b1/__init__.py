"""SAP Business One through its Service Layer, v1 (OData v3) or v2 (OData v4): one company database a connection."""
