// The shop with npm's dubbo-remoting alone, which encodes and decodes: serve or call.
//
//   NODE_PATH=folder/node_modules node remoting.js serve|call
'use strict';
const net = require('net');
const protocol = require('dubbo-remoting');
const Invocation = require('dubbo-remoting/lib/protocol/invocation');
const Request = require('dubbo-remoting/lib/protocol/request');
const { VERSION, PATIENCE, Shop, work, announce } = require('./shop');

const ONEWAYS = new Set(['note']); // its decoder does not tell them

function connect(socket, handlers) {
  const [encoder, decoder] = [protocol.encoder({}), protocol.decoder({})];
  for (const [event, handler] of Object.entries(handlers)) decoder.on(event, handler);
  decoder.on('close', () => socket.destroy()); // which is all that it tells of an error
  decoder.on('heartbeat', (beat) => encoder.writeHeartbeatAck(beat));
  encoder.pipe(socket);
  socket.pipe(decoder);
  return { encoder, decoder };
}

function answer(methods, req, beat) {
  try {
    const { methodName, args, requestProps } = req.data;
    const value = methods[methodName]({ attachments: requestProps, beat }, ...args);
    return value instanceof Error ? { $class: 'java.lang.Exception', $: value } : value;
  } catch (error) {
    return error;
  }
}

function serve() {
  const { methods } = new Shop('remoting');
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    const beats = [];
    const { encoder } = connect(socket, {
      heartbeat_ack: (ack) => beats.shift()(`${ack.packetId} ${ack.data}`),
      request: async (req) => {
        const beat = () => new Promise((done) => {
          beats.push(done);
          encoder.writeHeartbeat(77, {});
        });
        const value = await answer(methods, req, beat);
        if (ONEWAYS.has(req.data.methodName)) return;
        const isError = value instanceof Error;
        encoder.writeResponse(req, { isError, errorMsg: value && value.message, appResponse: isError ? null : value });
      },
    });
  });
  server.listen(0, '127.0.0.1', () => announce(server.address().port));
}

class Caller {
  constructor(port, name) {
    this.name = name;
    this.id = 0;
    this.waiting = new Map();
    this.beats = [];
    this.last = {};
    this.socket = net.connect(port, '127.0.0.1').setTimeout(PATIENCE, () => this.socket.destroy());
    this.socket.on('close', () => {
      for (const done of [...this.waiting.values(), ...this.beats]) done('the connection has ended');
    });
    this.socket.on('error', () => {});
    const { encoder } = connect(this.socket, {
      response: ({ packetId, data }) => {
        this.last = data.responseProps || {};
        const done = this.waiting.get(packetId);
        if (!done) return; // sofa-rpc-node answers oneways
        this.waiting.delete(packetId);
        done(data.error ? data.error.message : data.appResponse);
      },
      heartbeat_ack: ({ data }) => this.beats.shift()(data),
    });
    this.encoder = encoder;
  }

  static async open(port, name) {
    return new Caller(port, name);
  }

  call(methodName, args, requestProps = {}) {
    this.id += 1;
    this.encoder.writeRequest(this.id, { serverSignature: `${this.name}:${VERSION}`, methodName, args, requestProps });
    return new Promise((done) => this.waiting.set(this.id, done));
  }

  tell(methodName, args) {
    this.id += 1;
    const request = new Request(this.id);
    request.isTwoWay = false;
    const attachments = { dubbo: '5.3.0', path: this.name, version: VERSION, return: 'false' };
    request.data = new Invocation({ methodName, args, attachments });
    this.encoder.write(request.encode());
  }

  told() {
    return this.last;
  }

  beat() {
    this.id += 1;
    this.encoder.writeHeartbeat(this.id, {});
    return new Promise((done) => this.beats.push(done));
  }

  close() {
    this.socket.end();
  }
}

if (process.argv[2] === 'serve') serve();
else work(Caller.open);
