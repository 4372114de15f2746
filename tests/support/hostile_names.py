"""What is no name of a model in Ollama's registry."""

HOSTILE = [
    *("evil.example/x/y", "evil.example/x", "127.0.0.1:9/x/y", "127.0.0.1:9/x", "hf.co/x/y:Q4"),
    *("https://evil.example/x/y", "http://x", "https://ollama.com/x", "file:///etc/passwd"),
    *("registry.ollama.ai/library/x", "localhost/x/y", "[::1]/x/y", "evil.example:443/x/y"),
    *("..", ".", "../x", "x/..", "../../x", "x/../y", "x:..", "x:../y", ".x", "x/.y", "/x", "x/"),
    *("//x", "//evil.example/x", "x//y", "\\\\evil\\x", "x\\y", "a/b/c", "a/b/c/d"),
    *("", " ", " x", "x ", "x y", "x\ty", "x\n", "x\r\nHost: y", "x\0", "x\u00a0", "x\u200b"),
    *("x:", ":7b", "x:7b:8b", "x:a/b", "x@sha256:" + "0" * 64, "x?insecure=true", "x#y", "x%2fy"),
    *("\u212awen", "\u017fmall", "\uff51wen", "qw\u0435n", "qwén", "x*", "*", "~/x", "$HOME", "-x"),
    *("x" * 81, "n" * 81 + "/x", "x:" + "7" * 81, "'x'", '"x"', "{x}", "x,y", "x;y", "x|y"),
]
