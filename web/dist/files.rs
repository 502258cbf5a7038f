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
        path: "/assets/index-9xSSi-Mj.css",
        content_type: "text/css; charset=utf-8",
        tag: "1cebfa05d1993ac4",
        bytes: include_bytes!("assets/index-9xSSi-Mj.css"),
        brotli: include_bytes!("assets/index-9xSSi-Mj.css.br"),
    },
    File {
        path: "/assets/index-DmCBUuSP.js",
        content_type: "text/javascript; charset=utf-8",
        tag: "e3704605b7fcbdc7",
        bytes: include_bytes!("assets/index-DmCBUuSP.js"),
        brotli: include_bytes!("assets/index-DmCBUuSP.js.br"),
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
        tag: "6745dadad2757e8b",
        bytes: include_bytes!("index.html"),
        brotli: include_bytes!("index.html.br"),
    },
]
