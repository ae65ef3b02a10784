// MQTT.js against the service. Arguments, output and checks: tests/clients/README.md.
import { isDeepStrictEqual } from 'node:util'
import { Device } from './device.mjs'

const largest_packet = 131_072
// MQTT.js keeps user properties by key: it shows the sequence of the values of a key and that of the keys, no more.
const user_properties = { b: ['1', '3', '1'], a: '2', '': 'empty key', grün: 'ß' }

const [mode, ...pairs] = process.argv.slice(2)
const settings = Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]))
const five = settings.version === '5'
const say = (line) => process.stdout.write(`${line}\n`)
const topic_of = (name) => `${settings.name}/${name}`

function expect(got, wanted, what) {
  if (!isDeepStrictEqual(got, wanted)) throw new Error(`${what}: ${JSON.stringify(got)} instead of ${JSON.stringify(wanted)}`)
}

// The library's objects have no prototype; the sequence of the keys counts.
const expect_same_text = (got, wanted, what) => expect(JSON.stringify(got), JSON.stringify(wanted), what)

let open = []
async function device(suffix, more) {
  const made = new Device(settings, suffix, more)
  open.push(made)
  await made.connected()
  return made
}
async function subscriber(topic, suffix = 'sub', qos = 1, more = {}) {
  const made = await device(suffix, more)
  expect(await made.subscribe(topic, qos), qos, 'granted QoS')
  return made
}
async function refused(promise, code, what) {
  const problem = await promise.then(() => undefined, (error) => error)
  expect(problem?.code, code, what)
}

// A payload with which a QoS 1 PUBLISH on the topic has that many bytes.
function payload_of_packet(topic, bytes) {
  const rest = 4 + 2 + topic.length + 2 + (five ? 1 : 0)
  return Buffer.from(Array.from({ length: bytes - rest }, (_, n) => n % 251))
}

const both = {
  async wrong_password() {
    const username = `${settings.user.split('/')[0]}/device1`
    const stranger = new Device(settings, 'stranger', { username, password: 'wrong' })
    open.push(stranger)
    await refused(stranger.connected(), five ? 0x86 : 5, 'CONNACK')
  },
  async publish_subscribe() {
    const topic = topic_of('order')
    const zero = await subscriber(topic, 'zero', 0)
    const one = await subscriber(topic, 'one', 1)
    const sender = await device('pub')
    for (let n = 0; n < 40; ++n) await sender.publish(topic, String(n), n % 2)
    for (const [receiver, most] of [[zero, 0], [one, 1]]) {
      for (let n = 0; n < 40; ++n) {
        const { qos, retain, dup } = await receiver.message(String(n))
        expect({ qos, retain, dup }, { qos: Math.min(n % 2, most), retain: false, dup: false }, 'flags')
      }
    }
  },
  async empty_payload() {
    const topic = topic_of('bytes')
    const receiver = await subscriber(topic)
    const sender = await device('pub')
    for (const payload of [Buffer.alloc(0), Buffer.from(Array.from({ length: 256 }, (_, n) => n))]) {
      for (const qos of [0, 1]) {
        await sender.publish(topic, payload, qos)
        await receiver.message(payload)
      }
    }
  },
  async unsubscribe() {
    const client = await subscriber(topic_of('unsubscribed'))
    await client.subscribe(topic_of('mark'))
    await client.unsubscribe(topic_of('unsubscribed'))
    await client.publish(topic_of('unsubscribed'), 'for nobody')
    await client.publish(topic_of('mark'), 'mark')
    await client.message('mark')
  },
  async largest_packet() {
    const topic = topic_of('large')
    const receiver = await subscriber(topic)
    const sender = await device('pub')
    const payload = payload_of_packet(topic, largest_packet)
    await sender.publish(topic, payload)
    await receiver.message(payload)
  },
  async larger_packet() {
    const topic = topic_of('large')
    const receiver = await subscriber(topic)
    const sender = await device('pub')
    sender.publish_unanswered(topic, payload_of_packet(topic, largest_packet + 1))
    const reason = await sender.lost()
    if (five) expect(reason, 0x95, 'reason code of DISCONNECT')
    await receiver.publish(topic, 'still here')
    await receiver.message('still here')
  },
  async take_over() {
    const first = await device('same')
    const second = await device('same')
    const reason = await first.lost()
    if (five) expect(reason, 0x8e, 'reason code of DISCONNECT')
    await second.subscribe(topic_of('taken'))
    await second.publish(topic_of('taken'), 'mine')
    await second.message('mine')
  },
  async will() {
    const receiver = await subscriber(topic_of('will'))
    say('ask will')
    const got = await receiver.message('gone')
    expect(got.qos, 1, 'QoS of the will')
    if (five) {
      expect_same_text(got.properties.userProperties, user_properties, 'user properties of the will')
      expect(got.properties.contentType, 'text/plain', 'content type of the will')
    }
    await receiver.publish(topic_of('will'), 'mark')
    await receiver.message('mark')
  },
  // MQTT.js subscribes again by itself. The SUBACK of another filter, asked for later, tells when that is done.
  async reconnect() {
    const topic = topic_of('again')
    const client = await subscriber(topic, 'sub', 1, { reconnectPeriod: 200 })
    await client.publish(topic, 'before')
    await client.message('before')
    say('ask restart')
    await client.lost()
    await connected_again(client)
    expect(await client.subscribe(topic_of('mark')), 1, 'granted QoS')
    await client.publish(topic, 'after')
    await client.message('after')
  },
}

// While the broker is away each attempt is an error of its own.
async function connected_again(client) {
  for (;;) {
    const problem = await client.connected().then(() => undefined, (error) => error)
    if (!problem) return
    if (!['ECONNREFUSED', 'ECONNRESET'].includes(problem.code)) throw problem
  }
}

const mqtt5 = {
  async user_properties() {
    const topic = topic_of('user')
    const receiver = await subscriber(topic)
    const sender = await device('pub')
    for (const qos of [0, 1]) {
      await sender.publish(topic, 'x', qos, { userProperties: user_properties })
      expect_same_text((await receiver.message('x')).properties.userProperties, user_properties, 'user properties')
    }
  },
  async payload_properties() {
    const topic = topic_of('payload')
    const receiver = await subscriber(topic)
    const sender = await device('pub')
    const text = { contentType: 'text/plain; charset=utf-8', payloadFormatIndicator: true }
    await sender.publish(topic, 'grün', 1, text)
    const { contentType, payloadFormatIndicator } = (await receiver.message('grün')).properties
    expect({ contentType, payloadFormatIndicator }, text, 'properties')
    await refused(sender.publish(topic, Buffer.from([0xff]), 1, text), 0x99, 'PUBACK')
    await sender.publish(topic, Buffer.from([0xff]), 1, { payloadFormatIndicator: false })
    await receiver.message(Buffer.from([0xff]))
  },
  async request_response() {
    const requester = await subscriber(topic_of('answers'), 'requester')
    const responder = await subscriber(topic_of('question'), 'responder')
    const correlationData = Buffer.from([0, 1, 0xff, 0])
    await requester.publish(topic_of('question'), 'how warm?', 1, { responseTopic: topic_of('answers'), correlationData })
    const asked = (await responder.message('how warm?')).properties
    await responder.publish(asked.responseTopic, '20.5', 1, { correlationData: asked.correlationData })
    const got = await requester.message('20.5')
    expect(got.topic, topic_of('answers'), 'topic')
    expect(correlationData.equals(got.properties.correlationData), true, 'same correlation data')
  },
  async announced() {
    const client = new Device(settings, '', { clientId: '' })
    open.push(client)
    const told = (await client.connected()).properties
    expect([told.maximumPacketSize, told.maximumQoS, told.receiveMaximum], [largest_packet, 1, 1000], 'limits')
    expect([told.wildcardSubscriptionAvailable, told.sharedSubscriptionAvailable, told.subscriptionIdentifiersAvailable],
      [false, false, false], 'features')
    if (!told.assignedClientIdentifier) throw new Error('no client identifier was assigned')
  },
  async reason_codes() {
    const client = await device('sub')
    expect(await client.publish(topic_of('nobody'), 'x'), 0x10, 'PUBACK without a subscriber')
    await refused(client.subscribe(topic_of('+')), 0xa2, 'SUBACK for a wildcard')
  },
}

async function close_all() {
  const all = open
  open = []
  await Promise.all(all.map((one) => one.close()))
}

async function run_checks() {
  let failed = 0
  for (const [name, check] of Object.entries(five ? { ...both, ...mqtt5 } : both)) {
    try {
      await check()
      await close_all()
      say(`ok ${name}`)
    } catch (problem) {
      failed += 1
      say(`failed ${name}: ${problem}`)
      await close_all().catch((another) => say(`# after that: ${another}`))
    }
  }
  return failed ? 1 : 0
}

async function be_doomed() {
  const properties = five ? { userProperties: user_properties, contentType: 'text/plain' } : undefined
  const will = { topic: topic_of('will'), payload: Buffer.from('gone'), qos: 1, retain: false, properties }
  const doomed = new Device(settings, 'doomed', { will })
  await doomed.connected()
  say('connected') // whoever started this kills it
}

if (mode === 'checks') process.exit(await run_checks())
else if (mode === 'doomed') await be_doomed()
else {
  process.stderr.write('checks or doomed, and KEY=VALUE…: see tests/clients/README.md\n')
  process.exit(2)
}
