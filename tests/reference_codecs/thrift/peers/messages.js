// Single messages of npm's thrift, without a connection.
//
//   NODE_PATH=folder/node_modules node messages.js write    prints messages of every form
//   NODE_PATH=folder/node_modules node messages.js read     prints what it understands of messages
//
// A message is {form, name, kind, seqid, headers, value, hex}, as JSON; read needs form and hex.
'use strict';
const { Thrift } = require('thrift');
const { FORMS, options, send } = require('./node');
const { readStruct, anItem, plain } = require('./shop');

const { CALL, REPLY, EXCEPTION, ONEWAY } = Thrift.MessageType;
const HEADERS = { Tenant: 'größe', empty: '' };

function structOf(name, kind) {
  return kind === REPLY ? `${name} result` : name;
}

function written(form, name, kind, seqid, value) {
  const { transport, protocol } = options(form);
  let data;
  const output = new transport(undefined, (bytes) => {
    data = bytes;
  });
  const headers = form.startsWith('header') ? HEADERS : {};
  output.setProtocolId(form.endsWith('compact') ? 2 : 0);
  for (const [key, each] of Object.entries(headers)) output.setWriteHeader(key, each);
  send(new protocol(output), name, kind, seqid, structOf(name, kind), value);
  const said = value instanceof Thrift.TApplicationException ? value.message : plain(value);
  return { form, name, kind, seqid, headers, value: said, hex: data.toString('hex') };
}

function understood({ form, hex }) {
  const { transport, protocol } = options(form);
  let message = null;
  transport.receiver((received) => {
    const input = new protocol(received);
    const { fname, mtype, rseqid } = input.readMessageBegin();
    let value = new Thrift.TApplicationException();
    if (mtype === EXCEPTION) value.read(input);
    else value = readStruct(input, structOf(fname, mtype));
    const said = mtype === EXCEPTION ? value.message : plain(value);
    const headers = { ...received.getReadHeaders() };
    message = { form, name: fname, kind: mtype, seqid: rseqid, headers, value: said };
  })(Buffer.from(hex, 'hex'));
  return message;
}

if (process.argv[2] === 'write') {
  const item = (hasFlags) => anItem(2 ** 31 - 1, Buffer.from([0, 255, 128]), hasFlags);
  const messages = FORMS.flatMap((form) => [
    written(form, 'echo', CALL, 1, { item: item(true) }),
    written(form, 'echo', CALL, 2, { item: item(false) }),
    written(form, 'note', ONEWAY, 300, { text: 'hello' }),
    written(form, 'echo', REPLY, 1, { success: item(true) }),
    written(form, 'echo', REPLY, 2, { success: item(false) }),
    written(form, 'buy', REPLY, 2 ** 31 - 1, { sold: { why: 'no größe' } }),
    written(form, 'fail', EXCEPTION, 7, new Thrift.TApplicationException(6, 'no reason')),
  ]);
  console.log(JSON.stringify(messages));
} else {
  const messages = JSON.parse(require('fs').readFileSync(0));
  console.log(JSON.stringify(messages.map(understood)));
}
