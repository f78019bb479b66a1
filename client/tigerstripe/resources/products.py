"""Products: things that are sold. One without prices can be deleted."""

from __future__ import annotations

from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.objects import registry
from tigerstripe.objects.resource import Filters, Resource
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

IN_USE = "This product cannot be deleted because it has one or more user-created prices."
NULLS = (
    "default_price", "description", "package_dimensions", "shippable", "statement_descriptor",
    "tax_code", "tax_details", "unit_label", "url",
)  # fmt: skip
"""The fields that are null in a new one, unless others set them."""


class Products(Resource):
    """Products."""

    object = "product"
    table = "products"
    prefix = "prod"
    id_length = 14
    standard: frozenset[str] = Resource.standard | {"delete", "search"}
    filters: Filters = {"ids": lambda record, wanted: record["id"] in wanted}
    searchable: frozenset[str] = frozenset(("active", "description", "name", "shippable", "url"))

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new product; a default price is made beside it."""
        price = params.pop("default_price_data", None)
        fields = {
            **dict.fromkeys(NULLS),
            "active": True,
            "attributes": [],
            "images": [],
            "marketing_features": [],
            "type": "service",
            "updated": work.now,
            **_lists(params),
        }
        if price is not None:
            fields.setdefault("id", new_id(self.prefix, self.id_length))
            fields["default_price"] = registry.need("price").add_for(work, fields["id"], price)[
                "id"
            ]
        return fields

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return a product with other fields."""
        default = params.get("default_price")
        if default is not None:
            price = registry.need("price").given(work, default, "default_price")
            if price["product"] != old["id"]:
                raise Refused(
                    f"The price specified is for product {price['product']}, but must be for "
                    f"product {old['id']} to be its default.",
                    param="default_price",
                )
        new = {**old, **_lists(params)}
        return new if new == old else {**new, "updated": work.now}

    def check_delete(self, work: Work, record: Record) -> None:
        """Raise `Refused` while prices are of the product."""
        if work.scope.table("prices").find_by("product", record["id"]):
            raise Refused(IN_USE)


def _lists(params: Params) -> Params:
    """Return parameters with an empty list for each one that was unset."""
    lists = ("images", "marketing_features")
    return {k: [] if v is None and k in lists else v for k, v in params.items()}


RESOURCE = Products()
