// What the tests of the Thrift codec say to real peers.
struct Item {
  1: i32 id,
  2: string name,
  3: list<bool> flags,
  4: map<string, i64> stock,
  5: set<i32> sizes,
  6: binary picture,
  7: double price,
  8: bool sold,
  9: list<Item> parts,
  200: i16 shelf,
}

exception SoldOut {
  1: string why,
}

service Shop {
  Item echo(1: Item item),
  i32 buy(1: string name) throws (1: SoldOut sold),
  i32 fail(1: string why),
  oneway void note(1: string text),
  i32 noted(1: string text),
  map<string, string> headers(),
}
