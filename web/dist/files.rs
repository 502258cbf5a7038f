// Written by `npm run build` in web. Do not edit.
&[
    File {
        path: "/assets/icon-BHxBnfw4.svg",
        content_type: "image/svg+xml",
        tag: "934e9132896a693d",
        bytes: include_bytes!("assets/icon-BHxBnfw4.svg"),
        brotli: include_bytes!("assets/icon-BHxBnfw4.svg.br"),
    },
    File {
        path: "/assets/index-B9Z_wo8I.css",
        content_type: "text/css; charset=utf-8",
        tag: "33320ec1bdd33a7e",
        bytes: include_bytes!("assets/index-B9Z_wo8I.css"),
        brotli: include_bytes!("assets/index-B9Z_wo8I.css.br"),
    },
    File {
        path: "/assets/index-DD61HEQ1.js",
        content_type: "text/javascript; charset=utf-8",
        tag: "0fd4de9ebe48db9b",
        bytes: include_bytes!("assets/index-DD61HEQ1.js"),
        brotli: include_bytes!("assets/index-DD61HEQ1.js.br"),
    },
    File {
        path: "/assets/licences-10_HjLcv.txt",
        content_type: "text/plain; charset=utf-8",
        tag: "e4f3b2873da58eda",
        bytes: include_bytes!("assets/licences-10_HjLcv.txt"),
        brotli: include_bytes!("assets/licences-10_HjLcv.txt.br"),
    },
    File {
        path: "/",
        content_type: "text/html; charset=utf-8",
        tag: "fdcddab8185f3f20",
        bytes: include_bytes!("index.html"),
        brotli: include_bytes!("index.html.br"),
    },
]
