// What an application in Node.js does with the official SDK: node scenario.cjs HOST PORT KEY
const assert = require('node:assert');
const Stripe = require('stripe');

const [host, port, key] = process.argv.slice(2);
const make = Stripe.default ?? Stripe;
const stripe = new make(key, {host, port: Number(port), protocol: 'http', telemetry: false});

async function main() {
  const endpoint = await stripe.webhookEndpoints.create({
    url: 'http://127.0.0.1:1/', enabled_events: ['*'],
  });
  const payload = JSON.stringify({id: 'evt_1', object: 'event'});
  const header = stripe.webhooks.generateTestHeaderString({payload, secret: endpoint.secret});
  assert.equal(stripe.webhooks.constructEvent(payload, header, endpoint.secret).id, 'evt_1');

  const once = () => stripe.customers.create({name: 'Jane', metadata: {a: 'ü'}}, {idempotencyKey: 'k'});
  const customer = await once();
  assert.equal((await once()).id, customer.id);
  assert.equal(customer.metadata.a, 'ü');
  assert.match(customer.lastResponse.requestId, /^req_/);

  const product = await stripe.products.create({
    name: 'Mug', default_price_data: {currency: 'usd', unit_amount: 500},
  });
  for (let amount = 0; amount < 12; amount++) {
    await stripe.prices.create({product: product.id, currency: 'usd', unit_amount: amount});
  }
  let count = 0;
  for await (const price of stripe.prices.list({product: product.id, limit: 5})) {
    assert.equal(price.product, product.id);
    count++;
  }
  assert.equal(count, 13);

  const expanded = await stripe.prices.retrieve(product.default_price, {expand: ['product']});
  assert.equal(expanded.product.name, 'Mug');

  const method = await stripe.paymentMethods.attach('pm_card_visa', {customer: customer.id});
  assert.equal(method.card.brand, 'visa');

  const session = await stripe.checkout.sessions.create({
    mode: 'payment', success_url: 'https://shop.test/',
    line_items: [{price: product.default_price, quantity: 2}],
  });
  assert.equal(session.amount_total, 1000);

  await assert.rejects(stripe.customers.retrieve('cus_none'), {
    type: 'StripeInvalidRequestError', code: 'resource_missing', statusCode: 404,
  });
  await assert.rejects(stripe.customers.create({nme: 'x'}), {code: 'parameter_unknown', param: 'nme'});
  await assert.rejects(stripe.climate.orders.list(), {statusCode: 501});

  assert.equal((await stripe.customers.del(customer.id)).deleted, true);
  const events = await stripe.events.list({type: 'customer.deleted'});
  assert.equal(events.data[0].data.object.id, customer.id);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
