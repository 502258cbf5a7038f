"""Puts the code of functions and the template where CloudFormation reads them."""

import hashlib
from pathlib import Path

from botocore.exceptions import ClientError

from package import architecture_of, program_of, with_code, zip_of
from reasons import Failed

# The region whose buckets name no region when they are made.
REGION_WITHOUT_CONSTRAINT = "us-east-1"


class Artifacts:
    """The bucket with zips and templates, each under its hash, so that what was deployed before
    stays there and a template changes exactly when code does.

    All calls name the owner of the bucket, since anybody may have made one of this name.
    """

    def __init__(self, cloud, bucket):
        self.s3 = cloud.client("s3")
        self.account, self.region = cloud.account, cloud.region
        self.is_own = bucket is None
        self.bucket = bucket or f"minutebook-artifacts-{self.account}-{self.region}"
        self.url = cloud.bucket_url(self.bucket)

    def make_bucket(self):
        """Makes the bucket if there is none; one that the user has named has to exist."""
        try:
            self.s3.head_bucket(Bucket=self.bucket, ExpectedBucketOwner=self.account)
            return
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
                raise
        if not self.is_own:
            raise Failed(
                f"there is no bucket {self.bucket}: make it, or leave --artifact-bucket out"
            )
        where = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        self.s3.create_bucket(
            Bucket=self.bucket, **({} if self.region == REGION_WITHOUT_CONSTRAINT else where)
        )
        blocks = "BlockPublicAcls IgnorePublicAcls BlockPublicPolicy RestrictPublicBuckets".split()
        self.s3.put_public_access_block(
            Bucket=self.bucket,
            PublicAccessBlockConfiguration=dict.fromkeys(blocks, True),
            ExpectedBucketOwner=self.account,
        )

    def upload(self, template, code, architecture):
        """Uploads the code, and the template with where it is; returns the template's URL.

        `code` has the path of each function's program or of a zip of it, or None for a stub.
        """
        uris = {
            function: f"s3://{self.bucket}/{self.upload_code(function, path, architecture)}"
            for function, path in code.items()
        }
        return self.upload_template(with_code(Path(template).read_text(), uris.__getitem__))

    def upload_template(self, text):
        """Uploads a template: in a request it may have 51,200 bytes, in a bucket 1 MB."""
        key = f"template/{hashlib.sha256(text.encode()).hexdigest()}.yaml"
        self.put(key, text.encode())
        return f"{self.url}/{key}"

    def upload_code(self, function, path, architecture):
        program = program_of(path)
        built_for = architecture_of(program)
        if built_for not in (None, architecture):
            raise Failed(
                f"{path} was built for {built_for}, and the functions are to run on "
                f"{architecture}: build it again, or change the parameter Architecture"
            )
        body = zip_of(program, is_compressed=path is not None and path.endswith(".zip"))
        key = f"{function}/{hashlib.sha256(body).hexdigest()}.zip"
        self.put(key, body)
        return key

    def put(self, key, body):
        place = {"Bucket": self.bucket, "Key": key, "ExpectedBucketOwner": self.account}
        try:
            self.s3.head_object(**place)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
                raise
            self.s3.put_object(**place, Body=body)
