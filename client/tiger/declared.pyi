"""Which tables a store has, and which finders a table has, for type checkers.

Made by scripts/pages.py of tiger.format.resources, which says it at run time; do not edit.
"""

from typing import Any

from tiger.aio.table import AsyncTable
from tiger.batch import BatchTable
from tiger.format.record import Record
from tiger.snapshot import SnapshotTable
from tiger.table import Table

class ApplicationFeeRefunds(Table):
    def find_by_fee(self, fee: Any, /) -> list[Record]: ...

class ApplicationFees(Table):
    def find_by_charge(self, charge: Any, /) -> list[Record]: ...

class BalanceTransactions(Table):
    def find_by_source(self, source: Any, /) -> list[Record]: ...

class BankAccounts(Table):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class Cards(Table):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class Charges(Table):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...
    def find_by_payment_intent(self, payment_intent: Any, /) -> list[Record]: ...

class CheckoutSessions(Table):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class CreditNotes(Table):
    def find_by_invoice(self, invoice: Any, /) -> list[Record]: ...

class CustomerBalanceTransactions(Table):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class Customers(Table):
    def find_by_email(self, email: Any, /) -> list[Record]: ...

class Disputes(Table):
    def find_by_charge(self, charge: Any, /) -> list[Record]: ...
    def find_by_status(self, status: Any, /) -> list[Record]: ...

class Events(Table):
    def find_by_type(self, type: Any, /) -> list[Record]: ...

class InvoiceItems(Table):
    def find_by_invoice(self, invoice: Any, /) -> list[Record]: ...
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class Invoices(Table):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...
    def find_by_subscription(self, subscription: Any, /) -> list[Record]: ...
    def find_by_status(self, status: Any, /) -> list[Record]: ...

class PaymentIntents(Table):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...
    def find_by_status(self, status: Any, /) -> list[Record]: ...

class PaymentMethods(Table):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class Payouts(Table):
    def find_by_status(self, status: Any, /) -> list[Record]: ...

class Plans(Table):
    def find_by_product(self, product: Any, /) -> list[Record]: ...

class Prices(Table):
    def find_by_product(self, product: Any, /) -> list[Record]: ...

class PromotionCodes(Table):
    def find_by_code(self, code: Any, /) -> list[Record]: ...

class Refunds(Table):
    def find_by_charge(self, charge: Any, /) -> list[Record]: ...

class Reviews(Table):
    def find_by_payment_intent(self, payment_intent: Any, /) -> list[Record]: ...

class SetupAttempts(Table):
    def find_by_setup_intent(self, setup_intent: Any, /) -> list[Record]: ...

class SetupIntents(Table):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class Sources(Table):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class SubscriptionItems(Table):
    def find_by_subscription(self, subscription: Any, /) -> list[Record]: ...

class SubscriptionSchedules(Table):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...
    def find_by_status(self, status: Any, /) -> list[Record]: ...

class Subscriptions(Table):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class Topups(Table):
    def find_by_status(self, status: Any, /) -> list[Record]: ...

class TransferReversals(Table):
    def find_by_transfer(self, transfer: Any, /) -> list[Record]: ...

class Transfers(Table):
    def find_by_destination(self, destination: Any, /) -> list[Record]: ...

class WebhookDeliveries(Table):
    def find_by_event_type(self, event_type: Any, /) -> list[Record]: ...

class AsyncApplicationFeeRefunds(AsyncTable):
    def find_by_fee(self, fee: Any, /) -> list[Record]: ...

class AsyncApplicationFees(AsyncTable):
    def find_by_charge(self, charge: Any, /) -> list[Record]: ...

class AsyncBalanceTransactions(AsyncTable):
    def find_by_source(self, source: Any, /) -> list[Record]: ...

class AsyncBankAccounts(AsyncTable):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class AsyncCards(AsyncTable):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class AsyncCharges(AsyncTable):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...
    def find_by_payment_intent(self, payment_intent: Any, /) -> list[Record]: ...

class AsyncCheckoutSessions(AsyncTable):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class AsyncCreditNotes(AsyncTable):
    def find_by_invoice(self, invoice: Any, /) -> list[Record]: ...

class AsyncCustomerBalanceTransactions(AsyncTable):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class AsyncCustomers(AsyncTable):
    def find_by_email(self, email: Any, /) -> list[Record]: ...

class AsyncDisputes(AsyncTable):
    def find_by_charge(self, charge: Any, /) -> list[Record]: ...
    def find_by_status(self, status: Any, /) -> list[Record]: ...

class AsyncEvents(AsyncTable):
    def find_by_type(self, type: Any, /) -> list[Record]: ...

class AsyncInvoiceItems(AsyncTable):
    def find_by_invoice(self, invoice: Any, /) -> list[Record]: ...
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class AsyncInvoices(AsyncTable):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...
    def find_by_subscription(self, subscription: Any, /) -> list[Record]: ...
    def find_by_status(self, status: Any, /) -> list[Record]: ...

class AsyncPaymentIntents(AsyncTable):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...
    def find_by_status(self, status: Any, /) -> list[Record]: ...

class AsyncPaymentMethods(AsyncTable):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class AsyncPayouts(AsyncTable):
    def find_by_status(self, status: Any, /) -> list[Record]: ...

class AsyncPlans(AsyncTable):
    def find_by_product(self, product: Any, /) -> list[Record]: ...

class AsyncPrices(AsyncTable):
    def find_by_product(self, product: Any, /) -> list[Record]: ...

class AsyncPromotionCodes(AsyncTable):
    def find_by_code(self, code: Any, /) -> list[Record]: ...

class AsyncRefunds(AsyncTable):
    def find_by_charge(self, charge: Any, /) -> list[Record]: ...

class AsyncReviews(AsyncTable):
    def find_by_payment_intent(self, payment_intent: Any, /) -> list[Record]: ...

class AsyncSetupAttempts(AsyncTable):
    def find_by_setup_intent(self, setup_intent: Any, /) -> list[Record]: ...

class AsyncSetupIntents(AsyncTable):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class AsyncSources(AsyncTable):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class AsyncSubscriptionItems(AsyncTable):
    def find_by_subscription(self, subscription: Any, /) -> list[Record]: ...

class AsyncSubscriptionSchedules(AsyncTable):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...
    def find_by_status(self, status: Any, /) -> list[Record]: ...

class AsyncSubscriptions(AsyncTable):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class AsyncTopups(AsyncTable):
    def find_by_status(self, status: Any, /) -> list[Record]: ...

class AsyncTransferReversals(AsyncTable):
    def find_by_transfer(self, transfer: Any, /) -> list[Record]: ...

class AsyncTransfers(AsyncTable):
    def find_by_destination(self, destination: Any, /) -> list[Record]: ...

class AsyncWebhookDeliveries(AsyncTable):
    def find_by_event_type(self, event_type: Any, /) -> list[Record]: ...

class SnapshotApplicationFeeRefunds(SnapshotTable):
    def find_by_fee(self, fee: Any, /) -> list[Record]: ...

class SnapshotApplicationFees(SnapshotTable):
    def find_by_charge(self, charge: Any, /) -> list[Record]: ...

class SnapshotBalanceTransactions(SnapshotTable):
    def find_by_source(self, source: Any, /) -> list[Record]: ...

class SnapshotBankAccounts(SnapshotTable):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class SnapshotCards(SnapshotTable):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class SnapshotCharges(SnapshotTable):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...
    def find_by_payment_intent(self, payment_intent: Any, /) -> list[Record]: ...

class SnapshotCheckoutSessions(SnapshotTable):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class SnapshotCreditNotes(SnapshotTable):
    def find_by_invoice(self, invoice: Any, /) -> list[Record]: ...

class SnapshotCustomerBalanceTransactions(SnapshotTable):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class SnapshotCustomers(SnapshotTable):
    def find_by_email(self, email: Any, /) -> list[Record]: ...

class SnapshotDisputes(SnapshotTable):
    def find_by_charge(self, charge: Any, /) -> list[Record]: ...
    def find_by_status(self, status: Any, /) -> list[Record]: ...

class SnapshotEvents(SnapshotTable):
    def find_by_type(self, type: Any, /) -> list[Record]: ...

class SnapshotInvoiceItems(SnapshotTable):
    def find_by_invoice(self, invoice: Any, /) -> list[Record]: ...
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class SnapshotInvoices(SnapshotTable):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...
    def find_by_subscription(self, subscription: Any, /) -> list[Record]: ...
    def find_by_status(self, status: Any, /) -> list[Record]: ...

class SnapshotPaymentIntents(SnapshotTable):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...
    def find_by_status(self, status: Any, /) -> list[Record]: ...

class SnapshotPaymentMethods(SnapshotTable):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class SnapshotPayouts(SnapshotTable):
    def find_by_status(self, status: Any, /) -> list[Record]: ...

class SnapshotPlans(SnapshotTable):
    def find_by_product(self, product: Any, /) -> list[Record]: ...

class SnapshotPrices(SnapshotTable):
    def find_by_product(self, product: Any, /) -> list[Record]: ...

class SnapshotPromotionCodes(SnapshotTable):
    def find_by_code(self, code: Any, /) -> list[Record]: ...

class SnapshotRefunds(SnapshotTable):
    def find_by_charge(self, charge: Any, /) -> list[Record]: ...

class SnapshotReviews(SnapshotTable):
    def find_by_payment_intent(self, payment_intent: Any, /) -> list[Record]: ...

class SnapshotSetupAttempts(SnapshotTable):
    def find_by_setup_intent(self, setup_intent: Any, /) -> list[Record]: ...

class SnapshotSetupIntents(SnapshotTable):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class SnapshotSources(SnapshotTable):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class SnapshotSubscriptionItems(SnapshotTable):
    def find_by_subscription(self, subscription: Any, /) -> list[Record]: ...

class SnapshotSubscriptionSchedules(SnapshotTable):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...
    def find_by_status(self, status: Any, /) -> list[Record]: ...

class SnapshotSubscriptions(SnapshotTable):
    def find_by_customer(self, customer: Any, /) -> list[Record]: ...

class SnapshotTopups(SnapshotTable):
    def find_by_status(self, status: Any, /) -> list[Record]: ...

class SnapshotTransferReversals(SnapshotTable):
    def find_by_transfer(self, transfer: Any, /) -> list[Record]: ...

class SnapshotTransfers(SnapshotTable):
    def find_by_destination(self, destination: Any, /) -> list[Record]: ...

class SnapshotWebhookDeliveries(SnapshotTable):
    def find_by_event_type(self, event_type: Any, /) -> list[Record]: ...

class StoreTables:
    """The tables of a store."""

    accounts: Table
    application_fee_refunds: ApplicationFeeRefunds
    application_fees: ApplicationFees
    balance_transactions: BalanceTransactions
    bank_accounts: BankAccounts
    billing_portal_configurations: Table
    billing_portal_sessions: Table
    cards: Cards
    charges: Charges
    checkout_sessions: CheckoutSessions
    confirmation_tokens: Table
    coupons: Table
    credit_notes: CreditNotes
    customer_balance_transactions: CustomerBalanceTransactions
    customers: Customers
    disputes: Disputes
    events: Events
    invoice_items: InvoiceItems
    invoices: Invoices
    mandates: Table
    payment_intents: PaymentIntents
    payment_links: Table
    payment_method_configurations: Table
    payment_method_domains: Table
    payment_methods: PaymentMethods
    payouts: Payouts
    plans: Plans
    prices: Prices
    products: Table
    promotion_codes: PromotionCodes
    refunds: Refunds
    reviews: Reviews
    setup_attempts: SetupAttempts
    setup_intents: SetupIntents
    sources: Sources
    subscription_items: SubscriptionItems
    subscription_schedules: SubscriptionSchedules
    subscriptions: Subscriptions
    tax_rates: Table
    tokens: Table
    topups: Topups
    transfer_reversals: TransferReversals
    transfers: Transfers
    webhook_deliveries: WebhookDeliveries
    webhook_endpoints: Table
    webhooks: Table

class AsyncTables:
    """The tables of a store for asyncio."""

    accounts: AsyncTable
    application_fee_refunds: AsyncApplicationFeeRefunds
    application_fees: AsyncApplicationFees
    balance_transactions: AsyncBalanceTransactions
    bank_accounts: AsyncBankAccounts
    billing_portal_configurations: AsyncTable
    billing_portal_sessions: AsyncTable
    cards: AsyncCards
    charges: AsyncCharges
    checkout_sessions: AsyncCheckoutSessions
    confirmation_tokens: AsyncTable
    coupons: AsyncTable
    credit_notes: AsyncCreditNotes
    customer_balance_transactions: AsyncCustomerBalanceTransactions
    customers: AsyncCustomers
    disputes: AsyncDisputes
    events: AsyncEvents
    invoice_items: AsyncInvoiceItems
    invoices: AsyncInvoices
    mandates: AsyncTable
    payment_intents: AsyncPaymentIntents
    payment_links: AsyncTable
    payment_method_configurations: AsyncTable
    payment_method_domains: AsyncTable
    payment_methods: AsyncPaymentMethods
    payouts: AsyncPayouts
    plans: AsyncPlans
    prices: AsyncPrices
    products: AsyncTable
    promotion_codes: AsyncPromotionCodes
    refunds: AsyncRefunds
    reviews: AsyncReviews
    setup_attempts: AsyncSetupAttempts
    setup_intents: AsyncSetupIntents
    sources: AsyncSources
    subscription_items: AsyncSubscriptionItems
    subscription_schedules: AsyncSubscriptionSchedules
    subscriptions: AsyncSubscriptions
    tax_rates: AsyncTable
    tokens: AsyncTable
    topups: AsyncTopups
    transfer_reversals: AsyncTransferReversals
    transfers: AsyncTransfers
    webhook_deliveries: AsyncWebhookDeliveries
    webhook_endpoints: AsyncTable
    webhooks: AsyncTable

class SnapshotTables:
    """The tables of a snapshot, which only reads."""

    accounts: SnapshotTable
    application_fee_refunds: SnapshotApplicationFeeRefunds
    application_fees: SnapshotApplicationFees
    balance_transactions: SnapshotBalanceTransactions
    bank_accounts: SnapshotBankAccounts
    billing_portal_configurations: SnapshotTable
    billing_portal_sessions: SnapshotTable
    cards: SnapshotCards
    charges: SnapshotCharges
    checkout_sessions: SnapshotCheckoutSessions
    confirmation_tokens: SnapshotTable
    coupons: SnapshotTable
    credit_notes: SnapshotCreditNotes
    customer_balance_transactions: SnapshotCustomerBalanceTransactions
    customers: SnapshotCustomers
    disputes: SnapshotDisputes
    events: SnapshotEvents
    invoice_items: SnapshotInvoiceItems
    invoices: SnapshotInvoices
    mandates: SnapshotTable
    payment_intents: SnapshotPaymentIntents
    payment_links: SnapshotTable
    payment_method_configurations: SnapshotTable
    payment_method_domains: SnapshotTable
    payment_methods: SnapshotPaymentMethods
    payouts: SnapshotPayouts
    plans: SnapshotPlans
    prices: SnapshotPrices
    products: SnapshotTable
    promotion_codes: SnapshotPromotionCodes
    refunds: SnapshotRefunds
    reviews: SnapshotReviews
    setup_attempts: SnapshotSetupAttempts
    setup_intents: SnapshotSetupIntents
    sources: SnapshotSources
    subscription_items: SnapshotSubscriptionItems
    subscription_schedules: SnapshotSubscriptionSchedules
    subscriptions: SnapshotSubscriptions
    tax_rates: SnapshotTable
    tokens: SnapshotTable
    topups: SnapshotTopups
    transfer_reversals: SnapshotTransferReversals
    transfers: SnapshotTransfers
    webhook_deliveries: SnapshotWebhookDeliveries
    webhook_endpoints: SnapshotTable
    webhooks: SnapshotTable

class BatchTables:
    """The tables of a batch, which only writes."""

    accounts: BatchTable
    application_fee_refunds: BatchTable
    application_fees: BatchTable
    balance_transactions: BatchTable
    bank_accounts: BatchTable
    billing_portal_configurations: BatchTable
    billing_portal_sessions: BatchTable
    cards: BatchTable
    charges: BatchTable
    checkout_sessions: BatchTable
    confirmation_tokens: BatchTable
    coupons: BatchTable
    credit_notes: BatchTable
    customer_balance_transactions: BatchTable
    customers: BatchTable
    disputes: BatchTable
    events: BatchTable
    invoice_items: BatchTable
    invoices: BatchTable
    mandates: BatchTable
    payment_intents: BatchTable
    payment_links: BatchTable
    payment_method_configurations: BatchTable
    payment_method_domains: BatchTable
    payment_methods: BatchTable
    payouts: BatchTable
    plans: BatchTable
    prices: BatchTable
    products: BatchTable
    promotion_codes: BatchTable
    refunds: BatchTable
    reviews: BatchTable
    setup_attempts: BatchTable
    setup_intents: BatchTable
    sources: BatchTable
    subscription_items: BatchTable
    subscription_schedules: BatchTable
    subscriptions: BatchTable
    tax_rates: BatchTable
    tokens: BatchTable
    topups: BatchTable
    transfer_reversals: BatchTable
    transfers: BatchTable
    webhook_deliveries: BatchTable
    webhook_endpoints: BatchTable
    webhooks: BatchTable
