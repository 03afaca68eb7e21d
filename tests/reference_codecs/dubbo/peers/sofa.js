// The shop with npm's sofa-rpc-node, which speaks Dubbo by dubbo-remoting: serve or call.
//
//   NODE_PATH=folder/node_modules node sofa.js serve|call
'use strict';
const net = require('net');
const protocol = require('dubbo-remoting');
const { RpcClient } = require('sofa-rpc-node').client;
const { RpcServer } = require('sofa-rpc-node').server;
const { NAMES, VERSION, PATIENCE, QUIET, Shop, work, announce } = require('./shop');

class Server extends RpcServer {
  // The loopback's port alone, where the library listens everywhere.
  _startServer() {
    const server = net.createServer((socket) => this._handleSocket(socket));
    return server.listen(0, '127.0.0.1', () => announce(server.address().port));
  }

  createContext(req, res) {
    const beat = () => new Promise((done) => {
      const { _encoder: encoder, _decoder: decoder } = res.connection;
      decoder.once('heartbeat_ack', (ack) => done(`${ack.packetId} ${ack.data}`));
      encoder.writeHeartbeat(77, {});
    });
    return { attachments: req.data.requestProps, beat };
  }
}

function serve() {
  const { methods } = new Shop('sofa');
  const service = {};
  for (const [name, method] of Object.entries(methods)) {
    service[name] = async function (...args) {
      return method(this, ...args);
    };
  }
  const server = new Server({ logger: QUIET, protocol, version: VERSION });
  for (const interfaceName of NAMES) server.addService({ interfaceName, version: VERSION }, service);
  server.on('error', () => {});
  server.start();
}

// It sends no oneways, and shows attachments of replies to its own events alone.
class Caller {
  constructor(client, consumer, port) {
    Object.assign(this, { client, consumer, port, last: {} });
    client.on('response', ({ res }) => {
      this.last = res.responseProps || {};
    });
  }

  static async open(port, interfaceName) {
    const client = new RpcClient({ logger: QUIET, protocol, responseTimeout: PATIENCE });
    const serverHost = `dubbo://127.0.0.1:${port}`;
    const consumer = client.createConsumer({ interfaceName, version: VERSION, group: '', serverHost });
    await consumer.ready();
    return new Caller(client, consumer, port);
  }

  call(method, args, attachments) {
    return this.consumer.invoke(method, args, { requestProps: attachments || {} }).catch((error) => error.message);
  }

  told() {
    return this.last;
  }

  // The library sends one when a connection has been idle for long, and looks at no answer.
  beat() {
    const connection = this.client.connectionManager.connections.get(`127.0.0.1:${this.port}`);
    connection.options.maxIdleTime = -1;
    return new Promise((done) => {
      connection._decoder.once('heartbeat_ack', (ack) => done(ack.data));
      connection.heartbeat();
    });
  }

  close() {
    return this.client.close();
  }
}

if (process.argv[2] === 'serve') serve();
else work(Caller.open);
