"""The account, the region and the clients: of AWS, or of an emulator."""

import boto3
from botocore.config import Config
from botocore.exceptions import NoRegionError

# AWS throttles who asks too often; every call is tried so many times, to an emulator twice.
ATTEMPTS_MAX, EMULATOR_ATTEMPTS_MAX = 6, 2


class Cloud:
    def __init__(self, request):
        self.endpoint_url = request.endpoint_url
        self.is_emulator = request.endpoint_url is not None
        self.session = boto3.Session(
            profile_name=request.profile,
            region_name=request.region,
            aws_access_key_id=request.access_key_id,
            aws_secret_access_key=request.secret_access_key,
        )
        if self.session.region_name is None:
            raise NoRegionError
        self.region = self.session.region_name
        self.account = self.client("sts").get_caller_identity()["Account"]

    def client(self, service):
        # An emulator is at one address, whatever the name of a bucket.
        addressing = "path" if self.is_emulator else "virtual"
        attempts = EMULATOR_ATTEMPTS_MAX if self.is_emulator else ATTEMPTS_MAX
        retries = {"mode": "standard", "total_max_attempts": attempts}
        return self.session.client(
            service,
            endpoint_url=self.endpoint_url,
            config=Config(s3={"addressing_style": addressing}, retries=retries),
        )

    def bucket_url(self, bucket):
        """Where CloudFormation reads what is in a bucket."""
        if self.is_emulator:
            return f"{self.endpoint_url}/{bucket}"
        suffix = self.session.client("s3").meta.endpoint_url.split("amazonaws.", 1)[1]
        return f"https://{bucket}.s3.{self.region}.amazonaws.{suffix}"
