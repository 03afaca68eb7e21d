// shop.thrift with npm's thrift: its protocols and transports, without a compiler's output. Makes calls alone.
//
//   NODE_PATH=folder/node_modules node node.js FORM PORT [FORM PORT ...]
//
// prints what came of each form's calls as JSON. Sequence ids are its library's, 1 and up.
'use strict';
const thrift = require('thrift');
const { Thrift } = thrift;
const TRANSPORTS = { framed: thrift.TFramedTransport, unframed: thrift.TBufferedTransport };
const PROTOCOLS = { binary: thrift.TBinaryProtocol, compact: thrift.TCompactProtocol, json: thrift.TJSONProtocol };

function field(output, type, id, write) {
  output.writeFieldBegin('', type, id);
  write();
  output.writeFieldEnd();
}

function structure(output, write) {
  output.writeStructBegin('');
  write();
  output.writeFieldStop();
  output.writeStructEnd();
}

// What a reply says: its exception's type and message, or field 0 or 1 of its result.
function result(input, kind) {
  if (kind === Thrift.MessageType.EXCEPTION) {
    const error = new Thrift.TApplicationException();
    error.read(input);
    return `application exception ${error.type}: ${error.message}`;
  }
  let said = null;
  input.readStructBegin();
  for (;;) {
    const { ftype, fid } = input.readFieldBegin();
    if (ftype === Thrift.Type.STOP) break;
    if (ftype === Thrift.Type.I32 && fid === 0) said = input.readI32();
    else if (ftype === Thrift.Type.STRUCT && fid === 1) {
      input.readStructBegin();
      input.readFieldBegin();
      said = `sold out: ${input.readString()}`;
      input.readFieldEnd();
      input.readFieldBegin();
      input.readStructEnd();
    } else input.skip(ftype);
    input.readFieldEnd();
  }
  input.readStructEnd();
  return said;
}

function call(client, name, type, text) {
  const seqid = client.seqid();
  const output = new client.pClass(client.output);
  output.writeMessageBegin(name, type, seqid);
  structure(output, () => {
    if (text !== null) field(output, Thrift.Type.STRING, 1, () => output.writeString(text));
  });
  output.writeMessageEnd();
  const answered = type === Thrift.MessageType.ONEWAY ? Promise.resolve() : new Promise((done) => {
    client._reqs[seqid] = done;
    client[`recv_${name}`] = (input, kind, id) => {
      const said = result(input, kind);
      input.readMessageEnd();
      client._reqs[id](said);
      delete client._reqs[id];
    };
  });
  output.flush();
  return answered;
}

class Client {
  constructor(output, pClass) {
    this.output = output;
    this.pClass = pClass;
    this._seqid = 0;
    this._reqs = {};
  }

  seqid() {
    this._seqid += 1;
    return this._seqid;
  }
}

async function converse(form, port) {
  const [transport, protocol] = form.split(' ');
  const connection = thrift.createConnection('127.0.0.1', port, {
    transport: TRANSPORTS[transport],
    protocol: PROTOCOLS[protocol],
  });
  const client = thrift.createClient({ Client }, connection);
  const { CALL, ONEWAY } = Thrift.MessageType;
  const buy = await Promise.all(['kettle', 'mug'].map((name) => call(client, 'buy', CALL, name)));
  const fail = await call(client, 'fail', CALL, 'no reason');
  call(client, 'note', ONEWAY, 'hello');
  const noted = (await call(client, 'noted', CALL, null)) >= 1;
  connection.end();
  return { buy, fail, noted };
}

(async () => {
  const said = {};
  for (let at = 2; at < process.argv.length; at += 2) {
    said[process.argv[at]] = await converse(process.argv[at], Number(process.argv[at + 1]));
  }
  console.log(JSON.stringify(said));
})();
