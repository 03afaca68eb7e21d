// Messages of npm's dubbo-remoting without a connection: for each line of JSON that says what to write or what to read,
// one with the bytes or with what was read.
//
//   NODE_PATH=folder/node_modules node messages.js
//
// A value is JSON, but for {bytes: hex}, {date: milliseconds}, {object: [class, fields]} and {map: fields}.
'use strict';
const protocol = require('dubbo-remoting');
const Invocation = require('dubbo-remoting/lib/protocol/invocation');
const Request = require('dubbo-remoting/lib/protocol/request');

function mapped(fields, each) {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, each(value)]));
}

function made(value) {
  if (Array.isArray(value)) return value.map(made);
  if (value === null || typeof value !== 'object') return value;
  if ('bytes' in value) return Buffer.from(value.bytes, 'hex');
  if ('date' in value) return new Date(value.date);
  if ('object' in value) return { $class: value.object[0], $: mapped(value.object[1], made) };
  return mapped(value.map, made);
}

function shown(value) {
  if (Array.isArray(value)) return value.map(shown);
  if (value instanceof Error) return { error: value.message };
  if (value instanceof Date) return { date: value.getTime() };
  if (Buffer.isBuffer(value)) return { bytes: value.toString('hex') };
  if (value === null || typeof value !== 'object') return value;
  return { map: mapped(value, shown) };
}

function aRequest({ id, interface: path, version, method, args, attachments, isTwoWay }) {
  const request = new Request(id);
  request.isTwoWay = isTwoWay;
  const standing = { dubbo: '2.0.2', path, version };
  request.data = new Invocation({ methodName: method, args: args.map(made), attachments: { ...standing, ...attachments } });
  return request.encode();
}

// The library's own encoder, which gives what it writes to whoever reads it.
function written(write) {
  const encoder = protocol.encoder({});
  write(encoder);
  return encoder.read();
}

function aReply({ id, value, error }) {
  const reply = { isError: error !== undefined, errorMsg: error, appResponse: value === undefined ? null : made(value) };
  return written((encoder) => encoder.writeResponse({ packetId: id, options: { codecType: 'hessian2' } }, reply));
}

async function read(data) {
  const found = [];
  const decoder = protocol.decoder({});
  for (const kind of ['request', 'response', 'heartbeat', 'heartbeat_ack']) {
    decoder.on(kind, (packet) => found.push({ kind, id: packet.packetId, ...mapped(packet.data || {}, shown) }));
  }
  decoder.on('close', () => found.push({ kind: 'broken' })); // it tells no error
  decoder.write(Buffer.from(data, 'hex'));
  await new Promise(setImmediate); // that is told later than messages
  return found;
}

const DOINGS = {
  request: aRequest,
  reply: aReply,
  heartbeat: (id) => written((encoder) => encoder.writeHeartbeat(id, {})),
  read,
};

require('readline').createInterface({ input: process.stdin }).on('line', async (line) => {
  const [[what, how]] = Object.entries(JSON.parse(line));
  const done = await DOINGS[what](how);
  console.log(JSON.stringify(Buffer.isBuffer(done) ? done.toString('hex') : done));
});
