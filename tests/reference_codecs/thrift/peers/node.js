// shop.thrift with npm's thrift: serve or call, as talk.py says. Its clients send several calls at once.
//
//   NODE_PATH=folder/node_modules node node.js serve|call
'use strict';
const thrift = require('thrift');
const { writeStruct, readStruct, anItem, isSame } = require('./shop');

const { MessageType, TApplicationException } = thrift.Thrift;
const PROTOCOLS = { binary: thrift.TBinaryProtocol, compact: thrift.TCompactProtocol, json: thrift.TJSONProtocol };
const FORMS = ['framed', 'unframed'].flatMap((kind) => Object.keys(PROTOCOLS).map((name) => `${kind} ${name}`));
FORMS.push('header binary', 'header compact');
const TRIES = 5000;
const PATIENCE = 30000;
const ITEMS = 1000000;

// What the library is told of a form. Its header protocol frames what it writes itself.
function options(form) {
  const [kind, name] = form.split(' ');
  if (kind === 'header') return { transport: thrift.TBufferedTransport, protocol: thrift.THeaderProtocol };
  return {
    transport: kind === 'framed' ? thrift.TFramedTransport : thrift.TBufferedTransport,
    protocol: PROTOCOLS[name],
  };
}

function send(output, name, kind, seqid, struct, value) {
  output.writeMessageBegin(name, kind, seqid);
  if (value instanceof TApplicationException) value.write(output);
  else writeStruct(output, struct, value);
  output.writeMessageEnd();
  output.flush();
}

class Processor {
  constructor(form) {
    this.form = form;
    this.notes = {};
  }

  process(input, output) {
    const { fname: name, mtype, rseqid } = input.readMessageBegin();
    const fname = String(name); // bytes, of a message without a version
    const args = readStruct(input, fname);
    input.readMessageEnd();
    const seen = this.form.startsWith('header') ? { ...input.trans.getReadHeaders() } : {};
    if (mtype === MessageType.ONEWAY) {
      this.notes[args.text] = (this.notes[args.text] || 0) + 1;
    } else {
      const carrier = output.trans;
      for (const [key, value] of Object.entries(seen)) carrier.setWriteHeader(`Reply-${key}`, value);
      const said = this.result(fname, args, seen);
      const kind = said instanceof TApplicationException ? MessageType.EXCEPTION : MessageType.REPLY;
      send(output, fname, kind, rseqid, `${fname} result`, said);
      if (this.form.startsWith('header')) carrier.clearWriteHeaders();
    }
    if (this.form.startsWith('header')) input.trans.clearReadHeaders();
  }

  result(name, args, seen) {
    switch (name) {
      case 'buy':
        return args.name === 'kettle' ? { success: 7 } : { sold: { why: `no ${args.name}` } };
      case 'fail':
        return new TApplicationException(6, args.why);
      case 'noted':
        return { success: this.notes[args.text] || 0 };
      case 'headers':
        return { success: { ...seen, form: this.form } };
      default:
        return { success: args.item };
    }
  }
}

function serve() {
  const ports = {};
  const forms = [...FORMS, ...FORMS.map((form) => `${form} Shop`)];
  forms.forEach((form) => {
    let processor = new Processor(form);
    if (form.endsWith('Shop')) {
      const several = new thrift.MultiplexedProcessor();
      several.registerProcessor('Shop', processor);
      processor = several;
    }
    const server = thrift.createMultiplexServer(processor, options(form));
    server.on('error', (error) => console.error(form, error.message));
    server.listen(0, '127.0.0.1', () => {
      ports[form] = server.address().port;
      if (Object.keys(ports).length === forms.length) console.log(JSON.stringify(ports));
    });
  });
  process.stdin.on('end', () => process.exit()).resume();
}

class Client {
  constructor(output, pClass) {
    this.output = output;
    this.pClass = pClass;
    this.seqid = 0;
    this._reqs = {};
  }

  new_seqid() {
    this.seqid += 1;
    return this.seqid;
  }
}

class Caller {
  constructor(form, port, job) {
    this.headers = form.startsWith('header') ? job.headers || {} : {};
    this.protocolId = form.split(' ')[1] === 'compact' ? 2 : 0;
    this.connection = thrift.createConnection('127.0.0.1', port, { ...options(form), timeout: PATIENCE });
    this.broken = new Promise((_, fail) => {
      for (const each of ['error', 'close', 'timeout']) {
        this.connection.on(each, (error) => fail(error || new Error(`the connection has ended: ${each}`)));
      }
    });
    this.broken.catch(() => {});
    this.client = form.endsWith('Shop')
      ? new thrift.Multiplexer().createClient('Shop', { Client }, this.connection)
      : thrift.createClient({ Client }, this.connection);
    this.told = {};
  }

  send(method, kind, seqid, args) {
    const { client } = this;
    client.output.setProtocolId(this.protocolId);
    for (const [key, value] of Object.entries(this.headers)) client.output.setWriteHeader(key, value);
    send(new client.pClass(client.output), method, kind, seqid, method, args);
  }

  call(method, args) {
    const { client } = this;
    client[`recv_${method}`] = (input, kind, dummy) => {
      let said = new TApplicationException();
      if (kind === MessageType.EXCEPTION) said.read(input);
      else said = readStruct(input, `${method} result`);
      input.readMessageEnd();
      this.told = { ...input.trans.getReadHeaders() };
      client._reqs[dummy](null, said);
      delete client._reqs[dummy];
    };
    const seqid = client.new_seqid();
    const answered = new Promise((done) => {
      client._reqs[seqid] = (_, said) => done(said);
    });
    this.send(method, MessageType.CALL, seqid, args);
    return Promise.race([answered, this.broken]).then((said) => {
      if (said instanceof TApplicationException) return `application exception ${said.type}: ${said.message}`;
      return said.sold ? `sold out: ${said.sold.why}` : said.success;
    });
  }

  tell(method, args) {
    this.send(method, MessageType.ONEWAY, this.client.new_seqid(), args);
  }
}

async function conversation(caller, number, size, hasFlags) {
  const items = [0, 128, 255].map((byte) => anItem(number, Buffer.from([0, byte]), hasFlags));
  const echoes = await Promise.all(items.map((item) => caller.call('echo', { item })));
  const said = { echo: echoes.every((each, at) => isSame(each, items[at])) };
  said.buy = await Promise.all(['kettle', 'mug'].map((name) => caller.call('buy', { name })));
  said.fail = await caller.call('fail', { why: 'no reason' });
  const text = `note ${number}`;
  caller.tell('note', { text });
  for (let tries = 0; !said.noted && tries < TRIES; tries += 1) said.noted = await caller.call('noted', { text });
  said.seen = await caller.call('headers', {});
  said.told = caller.told;
  if (size) {
    const big = anItem(number, Buffer.alloc(size, Buffer.from(Array.from({ length: 256 }, (_, at) => at))), hasFlags);
    said.big = isSame(await caller.call('echo', { item: big }), big);
  }
  return said;
}

async function call() {
  const job = JSON.parse(require('fs').readFileSync(0));
  const until = Date.now() + 1000 * (job.seconds || 0);
  const outcomes = {};
  let [rounds, number] = [0, (job.salt || 0) * ITEMS];
  const talk = async (form) => {
    const size = Math.floor((job.size || 0) / (form.includes('json') ? 100 : 1));
    let isWell = true;
    while (isWell) {
      let said;
      try {
        const caller = new Caller(form, job.ports[form], job);
        number += 1;
        said = await conversation(caller, number, size, job.flags !== false);
        caller.connection.end();
      } catch (error) {
        said = { failed: String(error) };
        isWell = false;
      }
      rounds += 1;
      outcomes[form].add(JSON.stringify(said));
      isWell = isWell && Date.now() < until;
    }
  };
  await Promise.all(Object.keys(job.ports).flatMap((form) => {
    outcomes[form] = new Set();
    return Array.from({ length: job.threads || 1 }, () => talk(form));
  }));
  const said = Object.fromEntries(Object.entries(outcomes).map(([form, each]) => [form, [...each].map((text) => JSON.parse(text))]));
  console.log(JSON.stringify({ rounds, said }));
}

module.exports = { FORMS, options, send };
if (require.main === module) {
  if (process.argv[2] === 'serve') serve();
  else call();
}
