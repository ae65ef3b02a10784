// A device on top of MQTT.js: its events, awaited with deadlines.
import { readFileSync } from 'node:fs'
import mqtt from 'mqtt'

export const patience_ms = 20_000

// Values that come in by events and are taken in sequence.
class Mailbox {
  #values = []
  #waiting = []

  put(value) {
    const first = this.#waiting.shift()
    if (first) first(value)
    else this.#values.push(value)
  }

  take(what) {
    if (this.#values.length) return Promise.resolve(this.#values.shift())
    return in_time(new Promise((resolve) => this.#waiting.push(resolve)), what)
  }
}

function in_time(promise, what) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${patience_ms} ms`)), patience_ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

// `settings` are those of the command line (tests/clients/README.md); `more` are further options of MQTT.js.
export class Device {
  #messages = new Mailbox()
  #connacks = new Mailbox()
  #losses = new Mailbox()
  #pubacks = new Mailbox()

  constructor(settings, suffix, more = {}) {
    const { host, port, version, name, user, password, ca, certificate, key } = settings
    this.client = mqtt.connect({
      host,
      port: Number(port),
      protocol: ca ? 'mqtts' : 'mqtt',
      ca: ca && readFileSync(ca),
      cert: certificate && readFileSync(certificate),
      key: key && readFileSync(key),
      protocolVersion: version === '5' ? 5 : 4,
      clientId: name + suffix,
      username: user,
      password,
      clean: true,
      reconnectPeriod: 0,
      ...more,
    })
    let disconnect
    let refusal
    this.client.on('connect', (packet) => this.#connacks.put(packet))
    this.client.on('message', (topic, payload, packet) => this.#messages.put(packet))
    this.client.on('disconnect', (packet) => (disconnect = packet.reasonCode))
    this.client.on('packetreceive', (packet) => packet.cmd === 'puback' && this.#pubacks.put(packet.reasonCode ?? 0))
    this.client.on('error', (error) => {
      refusal = error
      this.#connacks.put(error)
    })
    // The reason code of DISCONNECT, when there was one.
    this.client.on('close', () => this.#losses.put(disconnect ?? refusal?.code))
  }

  // The next CONNACK, also after the library has reconnected. A refusal is an exception with the code.
  async connected() {
    const packet = await this.#connacks.take('CONNACK')
    if (packet instanceof Error) throw packet
    return packet
  }

  lost() {
    return this.#losses.take('end of the connection')
  }

  // The granted QoS; a refusal is an exception with the code.
  async subscribe(topic, qos = 1) {
    try {
      const granted = await this.#ask('SUBACK', (done) => this.client.subscribe(topic, { qos }, done))
      return granted[0].qos
    } catch (error) {
      error.code ??= error.packet?.granted[0]
      throw error
    }
  }

  unsubscribe(topic) {
    return this.#ask('UNSUBACK', (done) => this.client.unsubscribe(topic, done))
  }

  // Resolves after PUBACK (QoS 1), with its reason code, or when written (QoS 0).
  async publish(topic, payload, qos = 1, properties = undefined) {
    await this.#ask('PUBACK', (done) => this.client.publish(topic, payload, { qos, properties }, done))
    return qos ? this.#pubacks.take('PUBACK') : 0
  }

  publish_unanswered(topic, payload) {
    this.client.publish(topic, payload, { qos: 1 }, () => {})
  }

  // The next message, as MQTT.js decoded its packet; it must have that payload.
  async message(payload) {
    const packet = await this.#messages.take('message')
    const wanted = Buffer.from(payload)
    if (!wanted.equals(packet.payload)) throw new Error(`${brief(packet.payload)} instead of ${brief(wanted)}`)
    return packet
  }

  // With a DISCONNECT when there is a connection; what was never answered does not hold up the end.
  close() {
    const force = !this.client.connected
    return in_time(new Promise((resolve) => this.client.end(force, {}, resolve)), 'end of the client')
  }

  #ask(what, request) {
    const answer = new Promise((resolve, reject) => request((error, value) => (error ? reject(error) : resolve(value))))
    return in_time(answer, what)
  }
}

function brief(bytes) {
  return `${bytes.length} bytes "${bytes.subarray(0, 40).toString('latin1')}"`
}
