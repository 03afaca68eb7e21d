// The service com.demo.Shop, by another name that of MetaProtocol Proxy's samples, that the JavaScript peers serve, and the conversation that their clients have with it.
'use strict';
const assert = require('assert');

const NAME = 'com.demo.Shop';
const NAMES = [NAME, 'org.apache.dubbo.samples.basic.api.DemoService'];
const VERSION = '1.0.0';
const PATIENCE = 30000;
const TRIES = 5000;
const QUIET = { info() {}, warn() {}, error() {}, debug() {}, log() {} };

// Something of every kind that dubbo-remoting writes and reads.
function anItem(number) {
  return {
    number,
    small: -5,
    long: 2 ** 40 + number,
    price: 12.25,
    name: `größe 中文 😀 ${number}`,
    empty: '',
    none: null,
    flags: [true, false],
    sizes: Array.from({ length: 40 }, (_, at) => at * at * 100 - 2000),
    picture: Buffer.from([0, 255, number % 256]),
    made: new Date(1700000000000 + number),
    maker: { $class: 'com.demo.Maker', $: { name: 'Ünal', boss: { $class: 'com.demo.Maker', $: { name: 'b', boss: null } } } },
  };
}

// What is left of an item that has come back: the library drops the names of classes.
function plain(item) {
  return { ...item, maker: { name: item.maker.$.name, boss: item.maker.$.boss.$ } };
}

function isSame(answer, item) {
  try {
    assert.deepStrictEqual(JSON.parse(JSON.stringify(answer)), JSON.parse(JSON.stringify(item)));
    return true;
  } catch (error) {
    return String(error.message);
  }
}

// The methods. The first argument is what a server knows of a call: the attachments, and how to beat.
class Shop {
  constructor(name) {
    this.notes = {};
    this.methods = {
      echo: (call, item) => item,
      buy: (call, name) => (name === 'kettle' ? 7 : new Error(`no ${name}`)),
      fail: (call, why) => {
        throw new Error(why);
      },
      nothing: () => ({ $class: 'java.lang.String', $: null }),
      bare: (call, kind) => ({ null: null, false: false, '': '' })[kind],
      note: (call, text) => {
        this.notes[text] = (this.notes[text] || 0) + 1;
        return 'noted';
      },
      sayHello: (call, name) => {
        this.methods.note(call, name);
        return this.methods.seen(call);
      },
      noted: (call, text) => `${this.notes[text] || 0} times`,
      seen: (call) => ({ ...call.attachments, served: name }),
      beat: (call) => call.beat(),
    };
  }
}

// One connection's part of a conversation. A caller has call(method, args, attachments), and may have tell, beat, told.
async function conversation(caller, number, job) {
  const item = anItem(number);
  const said = { echo: isSame(await caller.call('echo', [item]), plain(item)) };
  said.buy = await Promise.all(['kettle', 'mug'].map((name) => caller.call('buy', [name])));
  said.fail = await caller.call('fail', ['no reason']);
  said.nothing = await caller.call('nothing', []);
  const text = `note ${number}`;
  if (caller.tell) {
    caller.tell('note', [text]);
    for (let tries = 0; !said.noted && tries < TRIES; tries += 1) {
      const times = await caller.call('noted', [text]);
      said.noted = times === '0 times' ? undefined : times;
    }
  }
  said.seen = await caller.call('seen', [], job.attachments);
  said.told = caller.told();
  said.beat = await caller.beat();
  if (!job.isDirect) said.beaten = await caller.call('beat', []);
  if (job.size) {
    const big = { text: 'ü'.repeat(job.size / 4), bytes: Buffer.alloc(job.size / 2, 'abc') };
    said.big = isSame(await caller.call('echo', [big]), big);
  }
  return said;
}

// Does the job that the input says, every thread on a connection of its own; prints every different outcome once.
async function work(open) {
  const job = JSON.parse(require('fs').readFileSync(0));
  const outcomes = new Set();
  const talk = async (thread) => {
    let said;
    try {
      const caller = await open(job.port, job.interface || NAME);
      if (job.calls) {
        said = [];
        for (const [method, args] of job.calls) {
          said.push({ said: await caller.call(method, args, job.attachments), told: caller.told() });
        }
      } else {
        said = await conversation(caller, job.salt * 1000 + thread, job);
      }
      await caller.close();
    } catch (error) {
      said = { failed: error.stack };
    }
    outcomes.add(JSON.stringify(said));
  };
  await Promise.all(Array.from({ length: job.threads || 1 }, (_, thread) => talk(thread)));
  console.log(`[${[...outcomes].join()}]`);
  process.exit();
}

// Prints the port, and serves until the input ends.
function announce(port) {
  console.log(JSON.stringify(port));
  process.stdin.on('end', () => process.exit()).resume();
}

module.exports = { NAMES, VERSION, PATIENCE, QUIET, Shop, work, announce };
