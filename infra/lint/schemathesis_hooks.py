"""What Schemathesis does not know by itself."""

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def json_lines(context, value):
    # The description says that it is a text, so the text is what is sent.
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
