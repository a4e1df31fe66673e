"""Messages of RFC 4475, octet for octet where it matters, by the RFC's own names."""

from __future__ import annotations


def lines(*text: str, body: bytes = b"") -> bytes:
    return "\r\n".join((*text, "", "")).encode() + body


VALID: dict[str, bytes] = {}
"""§3.1.1 and §3.4: to be accepted."""

VALID["wsinv"] = lines(
    "INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0",
    "TO :",
    " sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n",
    'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>',
    "  ;",
    "  tag = 98asjd8",
    "MaX-fOrWaRdS: 0068",
    "Call-ID: wsinv.ndaksdj@192.0.2.1",
    "Content-Length   : 0",
    "cseq: 0009",
    "  INVITE",
    "Via  : SIP  /   2.0",
    " /UDP",
    "    192.0.2.2;branch=390skdjuw",
    "s :",
    "NewFangledHeader:   newfangled value",
    " continued newfangled value",
    "UnknownHeaderWithUnusualValue: ;;,,;;,;",
    "Content-Type: application/sdp",
    "Route:",
    " <sip:services.example.com;lr;unknownwith=value;unknown-no-value>",
    "v:  SIP  / 2.0  / TCP     spindle.example.com   ;",
    "  branch  =   z9hG4bK9ikj8  ,",
    " SIP  /    2.0   / UDP  192.168.255.111   ; branch=",
    " z9hG4bK30239",
    'm:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =',
    "      newvalue ;",
    "  secondparam ; q = 0.33",
)
VALID["intmeth"] = (
    "!interesting-Method0123456789_*+`.%indeed'~ "
    "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too."
    "(doesn't-it)@example.com SIP/2.0\r\n"
    "Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~\r\n"
    'To: "BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" '
    "<sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>\r\n"
    "From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>"
    ";fromParam''~+*_!.-%=\"работающий\";tag=_token~1'+`*%!-.\r\n"
    "Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{\r\n"
    "CSeq: 139122385 !interesting-Method0123456789_*+`.%indeed'~\r\n"
    "Max-Forwards: 255\r\n"
    "extensionHeader-!.%*+_`'~:\ufeff大停電\r\n"
    "Content-Length: 0\r\n\r\n"
).encode()
VALID["esc01"] = lines(
    "INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0",
    "To: sip:%75se%72@example.com",
    "From: <sip:I%20have%20spaces@example.net>;tag=938",
    "Max-Forwards: 87",
    "i: esc01.239409asdfakjkn23onasd0-3234",
    "CSeq: 234234 INVITE",
    "Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bKkdjuw",
    "C: application/sdp",
    "Contact:",
    "  <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>",
    "Content-Length: 0",
)
VALID["escnull"] = lines(
    "REGISTER sip:example.com SIP/2.0",
    "To: sip:null-%00-null@example.com",
    "From: sip:null-%00-null@example.com;tag=839923423",
    "Max-Forwards: 70",
    "Call-ID: escnull.39203ndfvkjdasfkq3w4otrq0adsfdfnavd",
    "CSeq: 14398234 REGISTER",
    "Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bKkdjuw",
    "Contact: <sip:%00@host5.example.com>",
    "Contact: <sip:%00%00@host5.example.com>",
    "L:0",
)
VALID["esc02"] = lines(
    "RE%47IST%45R sip:registrar.example.com SIP/2.0",
    'To: "%Z%45" <sip:resource@example.com>',
    'From: "%Z%45" <sip:resource@example.com>;tag=f232jadfj23',
    "Call-ID: esc02.asdfnqwo34rq23i34jrjasdcnl23nrlknsdf",
    "Via: SIP/2.0/TCP host.example.com;branch=z9hG4bK209%fzsnel234",
    "CSeq: 29344 RE%47IST%45R",
    "Max-Forwards: 70",
    "Contact: <sip:alias1@host1.example.com>",
    "C%6Fntact: <sip:alias2@host2.example.com>",
    "Contact: <sip:alias3@host3.example.com>",
    "l: 0",
)
VALID["lwsdisp"] = lines(
    "OPTIONS sip:user@example.com SIP/2.0",
    "To: sip:user@example.com",
    "From: caller<sip:caller@example.com>;tag=323",
    "Max-Forwards: 70",
    "Call-ID: lwsdisp.1234abcd@funky.example.com",
    "CSeq: 60 OPTIONS",
    "Via: SIP/2.0/UDP funky.example.com;branch=z9hG4bKkdjuw",
    "l: 0",
)
VALID["longreq"] = lines(
    "INVITE sip:user@example.com SIP/2.0",
    f'To: "I have a user name of {"extreme " * 10}proportion"'
    "<sip:user@example.com:6000;unknownparam1=very"
    f"{'long' * 20}value;longparam{'name' * 25}=shortvalue;very{'long' * 25}"
    f"ParameterNameWithNoValue>",
    f"F: sip:{'amazinglylongcallername' * 5}@example.net;tag=12{'982' * 50}424"
    f";unknownheaderparam{'name' * 20}=unknowheaderparam{'value' * 15}"
    f";unknownValueless{'paramname' * 10}",
    f"Call-ID: longreq.one{'really' * 20}longcallid",
    "CSeq: 3882340 INVITE",
    f"Unknown-{'Long' * 20}-Name: unknown-{'long' * 20}-value;"
    f" unknown-{'long' * 20}-parameter-name = unknown-{'long' * 20}-parameter-value",
    *(
        f"Via: SIP/2.0/TCP sip{number}.example.com;branch=z9hG4bK{number}"
        for number in range(33, 0, -1)
    ),
    "Max-Forwards: 70",
    f"Contact: <sip:{'amazinglylongcallername' * 5}@host5.example.net>",
    "Content-Type: application/sdp",
    "l: 0",
)
VALID["dblreq"] = (
    lines(
        "REGISTER sip:example.com SIP/2.0",
        "To: sip:j.user@example.com",
        "From: sip:j.user@example.com;tag=43251j3j324",
        "Max-Forwards: 8",
        "I: dblreq.0ha0isndaksdj99sdfafnl3lk233412",
        "Contact: sip:j.user@host.example.com",
        "CSeq: 8 REGISTER",
        "Via: SIP/2.0/UDP 192.0.2.125;branch=z9hG4bKkdjuw23492",
        "Content-Length: 0",
    )
    + b"\r\n"
    + lines(
        "INVITE sip:joe@example.com SIP/2.0",
        "t: sip:joe@example.com",
        "From: sip:caller@example.net;tag=141334",
        "Max-Forwards: 8",
        "Call-ID: dblreq.0ha0isnda977644900765@192.0.2.15",
        "CSeq: 8 INVITE",
        "Via: SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKkdjuw380234",
        "Content-Length: 0",
    )
)
VALID["semiuri"] = lines(
    "OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0",
    "To: sip:j_user@example.com",
    "From: sip:caller@example.org;tag=33242",
    "Max-Forwards: 3",
    "Call-ID: semiuri.0ha0isndaksdj",
    "CSeq: 8 OPTIONS",
    "Accept: application/sdp, application/pkcs7-mime,",
    "        multipart/mixed, multipart/signed,",
    "        message/sip, message/sipfrag",
    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKkdjuw",
    "l: 0",
)
VALID["transports"] = lines(
    "OPTIONS sip:user@example.com SIP/2.0",
    "To: sip:user@example.com",
    "From: <sip:caller@example.com>;tag=323",
    "Max-Forwards: 70",
    "Call-ID:  transports.kijh4akdnaqjkwendsasfdj",
    "Accept: application/sdp",
    "CSeq: 60 OPTIONS",
    "Via: SIP/2.0/UDP t1.example.com;branch=z9hG4bKkdjuw",
    "Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf",
    "Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK2980unddj",
    "Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en",
    "Via: SIP/2.0/TCP t5.example.com;branch=z9hG4bK0a9idfnee",
    "l: 0",
)
VALID["mpart01"] = lines(
    "MESSAGE sip:kumiko@example.org SIP/2.0",
    "Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-d87543-4dade06d0bdb11ee-1--d87543-;rport",
    "Max-Forwards: 70",
    "Route: <sip:127.0.0.1:5080>",
    "To: <sip:kumiko@example.org>",
    "From: <sip:fluffy@example.com>;tag=2fb0dcc9",
    "Call-ID: 3d9485ad0c49859b@Zmx1ZmZ5LW1hYy0xNi5sb2NhbA..",
    "CSeq: 1 MESSAGE",
    "Content-Type: multipart/mixed;boundary=7a9cbec02ceef655",
    "Content-Length: 12",
    body=b"\x30\x82\x00\xff\xfe\x80\r\n\r\n\x00\x01",
)
VALID["unreason"] = lines(
    "SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять - простое",
    "Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923",
    "Call-ID: unreason.1234ksdfak3j2erwedfsASdf",
    "CSeq: 35 INVITE",
    "From: sip:user@example.com;tag=11141343",
    "To: sip:user@example.edu;tag=2229",
    "Content-Length: 0",
    "Contact: <sip:user@host198.example.com>",
)
VALID["noreason"] = lines(
    "SIP/2.0 100 ",
    "Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe",
    "Call-ID: noreason.asndj203insdf99223ndf",
    "CSeq: 35 INVITE",
    "From: <sip:user@example.com>;tag=39ansfi3",
    "To: <sip:user@example.edu>;tag=902jndnke3",
    "Content-Length: 0",
    "Contact: <sip:user@host105.example.com>",
)
VALID["inv2543"] = lines(
    "INVITE sip:UserB@example.com SIP/2.0",
    "Via: SIP/2.0/UDP iftgw.example.com",
    "From: <sip:+13035551111@ift.client.example.net;user=phone>",
    "Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>",
    "To: sip:+16505552222@ss1.example.net;user=phone",
    "Call-ID: inv2543.1717@ift.client.example.com",
    "CSeq: 56 INVITE",
    "Content-Type: application/sdp",
    "Content-Length: 0",
)


def request(method: str, *more: str, uri: str = "sip:user@example.com", **named: str) -> bytes:
    """A request whose headers may be replaced by name (`to`, `from_`, `cseq`, `call_id`, `via`)."""
    headers = {
        "to": "To: sip:j.user@example.com",
        "from_": "From: sip:caller@example.net;tag=134161461246",
        "max_forwards": "Max-Forwards: 7",
        "call_id": "Call-ID: torture.0ha0isndaksdjasdf3234nas",
        "cseq": f"CSeq: 8 {method}",
        "via": "Via: SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKkdjuw380234",
        "length": "Content-Length: 0",
    }
    body = named.pop("body", "")
    headers.update(named)
    kept = [line for line in headers.values() if line]
    return lines(f"{method} {uri} SIP/2.0", *kept, *more, body=body.encode())


BAD: dict[str, bytes] = {
    # §3.1.2.1
    "badinv01": request(
        "INVITE",
        'Contact: "Joe" <sip:joe@example.org>;;;;',
        via="Via: SIP/2.0/UDP 192.0.2.15;;,;,,",
    ),
    # §3.1.2.2
    "clerr": request("INVITE", length="Content-Length: 9999", body="v=0\r\no=mhandley 29739\r\n"),
    # §3.1.2.3
    "ncl": request("INVITE", length="Content-Length: -999", body="v=0\r\n"),
    # §3.1.2.4
    "scalar02": request(
        "REGISTER",
        "Contact: <sip:user@host129.example.com>;expires=280297596632815",
        "Expires: 10000000000000000000000000000000000000000000000000000000000000",
        cseq="CSeq: 36893488147419103232 REGISTER",
        max_forwards="Max-Forwards: 300",
    ),
    # §3.1.2.6
    "quotbal": request("INVITE", to='To: "Mr. J. User <sip:j.user@example.com>'),
    # §3.1.2.7
    "ltgtruri": request("INVITE", uri="<sip:user@example.com>"),
    # §3.1.2.8
    "lwsruri": request("INVITE", uri="sip:user@example.com; lwsparams"),
    # §3.1.2.9
    "lwsstart": request("INVITE", uri=" sip:user@example.com "),
    # §3.1.2.10
    "trws": request("OPTIONS").replace(b"SIP/2.0\r\nTo", b"SIP/2.0  \r\nTo", 1),
    # §3.1.2.17
    "mismatch01": request("OPTIONS", cseq="CSeq: 8 INVITE"),
    # §3.1.2.18
    "mismatch02": request("NEWMETHOD", cseq="CSeq: 8 INVITE"),
    # §3.3.1
    "insuf": lines(
        "INVITE sip:user@example.com SIP/2.0",
        "CSeq: 193942 INVITE",
        "Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf",
        "Content-Type: application/sdp",
        "l: 0",
    ),
    # §3.3.8
    "multi01": request(
        "INVITE",
        "CSeq: 59 INVITE",
        "Call-ID: multi01.98asdh@192.0.2.2",
        "From: sip:caller@example.net;tag=3413415132",
        "Max-Forwards: 5",
    ),
    # §3.3.9
    "mcl01": request(
        "OPTIONS", "Content-Length: 5", length="Content-Length: 13", body="There's no way to know"
    ),
}
"""To be answered 400."""

LENIENT: dict[str, bytes] = {
    # §3.1.2.11: the header in the URI is ignored
    "escruri": request("INVITE", uri="sip:user@example.com?Route=%3Csip:example.com%3E"),
    # §3.1.2.12
    "baddate": request("INVITE", "Date: Fri, 01 Jan 2010 16:00:00 EST"),
    # §3.1.2.15
    "badaspec": request("OPTIONS", to='To: "Watson, Thomas" < sip:t.watson@example.org >'),
    # §3.1.2.16
    "baddn": request("OPTIONS", to="To: Watson, Thomas <sip:t.watson@example.org>"),
    # §3.2.1: no unique branch, the old rules apply
    "badbranch": request("OPTIONS", via="Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK"),
}
"""May be refused, but a reading of them exists and is harmless."""

DROPPED: dict[str, bytes] = {
    # §3.1.2.5
    "scalarlg": lines(
        "SIP/2.0 503 Service Unavailable",
        "Via: SIP/2.0/TCP host129.example.com;branch=z9hG4bKzzxdiwo34sw;received=192.0.2.129",
        "To: <sip:user@example.com>",
        "From: <sip:other@example.net>;tag=2easdjfejw",
        "CSeq: 9292394834772304023312 OPTIONS",
        "Call-ID: scalarlg.noase0of0234hn2qofoaf0232aewf2394r",
        "Retry-After: 949302838503028349304023988",
        'Warning: 1812 overture "In Progress"',
        "Content-Length: 0",
    ),
    # §3.1.2.19
    "bigcode": lines(
        "SIP/2.0 4294967301 better not break the receiver",
        "Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe",
        "Call-ID: bigcode.asdof3uj203asdnf3429uasdhfas3ehjasdfas9i",
        "CSeq: 353494 INVITE",
        "From: <sip:user@example.com>;tag=39ansfi3",
        "To: <sip:user@example.edu>;tag=902jndnke3",
        "Content-Length: 0",
        "Contact: <sip:user@host105.example.com>",
    ),
}

ANSWERED: dict[str, tuple[int, bytes]] = {
    # §3.1.2.17 of the versions
    "badvers": (505, request("OPTIONS").replace(b" SIP/2.0\r\n", b" SIP/7.0\r\n", 1)),
    # §3.3.2
    "unkscm": (
        416,
        request("OPTIONS", uri="nobodyKnowsThisScheme:totallyopaquecontent"),
    ),
    # §3.3.3
    "novelsc": (416, request("OPTIONS", uri="soap.beep://192.0.2.103:3002")),
    # §3.3.4: an address-of-record of a scheme that no registrar serves
    "unksm2": (
        404,
        request(
            "REGISTER",
            "Contact: <name:John_Smith>",
            uri="sip:example.com",
            to="To: isbn:2983792873",
            from_="From: <http://www.example.com>;tag=3234233",
        ),
    ),
    # §3.3.5
    "bext01": (
        420,
        request(
            "OPTIONS",
            "Require: nothingSupportsThis, nothingSupportsThisEither",
            "Proxy-Require: noProxiesSupportThis, norDoAnyProxiesSupportThis",
        ),
    ),
    # §3.3.7
    "regaut01": (
        401,
        request(
            "REGISTER",
            "Authorization: NoOneKnowsThisScheme opaque-data=here",
            uri="sip:example.com",
        ),
    ),
    # §3.3.11: a server that is asked itself may answer
    "zeromf": (200, request("OPTIONS", max_forwards="Max-Forwards: 0")),
}
