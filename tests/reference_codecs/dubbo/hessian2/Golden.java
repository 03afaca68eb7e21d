// Writes golden.json: messages of a few values each, as Apache's hessian-lite writes them.
// What is there was written by hessian-lite 4.0.4. When a later version is to be tried, put it on the class path:
// javac Golden.java && java Golden > golden.json

import com.alibaba.com.caucho.hessian.io.Hessian2Output;
import com.alibaba.com.caucho.hessian.io.SerializerFactory;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.Serializable;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;

public class Golden {
    static class Node implements Serializable {
        String name;
        Node next;

        Node(String name) {
            this.name = name;
        }
    }

    enum Color {
        RED, GREEN
    }

    private static final SerializerFactory FACTORY = new SerializerFactory();

    public static void main(String[] arguments) throws IOException {
        Map<String, Object[]> values = new LinkedHashMap<>();
        values.put("nothing and booleans", new Object[] {null, true, false});
        values.put("ints", new Object[] {0, -16, 47, -17, 48, -2048, 2047, -2049, 2048, -262144, 262143, -262145, 262144,
            Integer.MIN_VALUE, Integer.MAX_VALUE});
        values.put("longs", new Object[] {0L, -8L, 15L, -9L, 16L, -2048L, 2047L, -2049L, 2048L, -262144L, 262143L,
            -262145L, 262144L, (long) Integer.MIN_VALUE, (long) Integer.MAX_VALUE, Integer.MIN_VALUE - 1L,
            Integer.MAX_VALUE + 1L, Long.MIN_VALUE, Long.MAX_VALUE});
        values.put("doubles", new Object[] {0.0, 1.0, -1.0, 127.0, -128.0, 128.0, -129.0, 32767.0, -32768.0, 32768.0, 0.5,
            -12.25, 2147483.647, -2147483.648, 2147483.648, 0.1, 3.14159, 1e300, Double.MIN_VALUE,
            Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, Double.NaN});
        values.put("dates", new Object[] {new Date(0), new Date(60000), new Date(-60000), new Date(1), new Date(-1),
            new Date(1700000000123L), new Date(Integer.MAX_VALUE * 60000L), new Date((Integer.MAX_VALUE + 1L) * 60000L),
            new Date(Long.MIN_VALUE)});
        values.put("strings", new Object[] {"", "a", "\0", "é", "你好", "\ud83d\ude00x", "\ud83d", "\ude00\ud83d",
            "x".repeat(31), "x".repeat(32), "é".repeat(31), "é".repeat(32), "x".repeat(1023), "x".repeat(1024)});
        values.put("a chunk's length", new Object[] {"x".repeat(0x8000)});
        values.put("two chunks", new Object[] {"x".repeat(0x8001)});
        values.put("a pair at the chunk's end", new Object[] {"x".repeat(0x7fff) + "\ud83d\ude00"});
        values.put("binaries", new Object[] {new byte[0], new byte[] {1, -1}, new byte[15], new byte[16], new byte[1023],
            new byte[1024]});
        values.put("a chunk of binary", new Object[] {new byte[8189]});
        values.put("two chunks of binary", new Object[] {new byte[8190]});
        values.put("lists", new Object[] {new ArrayList<>(), numbers(7), numbers(8), new int[] {1, 2}, new String[] {"a"},
            new Object[] {1, "b", null}, new int[][] {{1}, {}}, new LinkedHashSet<>(numbers(1))});
        Map<Object, Object> mixed = new LinkedHashMap<>();
        mixed.put(1, "one");
        mixed.put("two", new HashMap<>());
        mixed.put(null, null);
        values.put("maps", new Object[] {new HashMap<>(), mixed});
        Node first = new Node("first");
        first.next = new Node("second");
        first.next.next = first;
        values.put("objects", new Object[] {first, first.next, Color.GREEN, Color.RED, new BigDecimal("1.50")});
        List<Object> itself = new ArrayList<>();
        itself.add(itself);
        values.put("a list that holds itself", new Object[] {itself, itself});
        print(values);
    }

    private static List<Object> numbers(int count) {
        List<Object> found = new ArrayList<>();
        for (int each = 0; each < count; each++) {
            found.add(each);
        }
        return found;
    }

    private static void print(Map<String, Object[]> values) throws IOException {
        List<String> lines = new ArrayList<>();
        for (Map.Entry<String, Object[]> each : values.entrySet()) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            Hessian2Output output = new Hessian2Output(bytes);
            output.setSerializerFactory(FACTORY);
            for (Object value : each.getValue()) {
                output.writeObject(value);
            }
            output.flush();
            lines.add("  \"" + each.getKey() + "\": \"" + hex(bytes.toByteArray()) + "\"");
        }
        System.out.println("{\n" + String.join(",\n", lines) + "\n}");
    }

    /** The bytes in hexadecimal, a long run of one byte as {byte*times}. */
    private static String hex(byte[] bytes) {
        StringBuilder hex = new StringBuilder();
        for (int at = 0, stop; at < bytes.length; at = stop) {
            for (stop = at + 1; stop < bytes.length && bytes[stop] == bytes[at]; stop++) {
            }
            String one = String.format("%02x", bytes[at]);
            hex.append(stop - at > 31 ? "{" + one + "*" + (stop - at) + "}" : one.repeat(stop - at));
        }
        return hex.toString();
    }
}
