from tests.serve_apps.conftest import item, upsert
async def test_x(client):
    r = await upsert(client, item("a-1","The Zoom H6 recorder needs four AA batteries."), item("b-1","Workflow for editing the weekly podcast."), {"doc_id":"x"})
    print(r)
    r = await client.post("/hirag/query", json={"query":"what batteries does the recorder take", "explain":True, "use_rerank":True,"entity_types":["X"]})
    print(r.status_code, r.headers, r.text[:3000])
    for m,u in [("GET","/documents"),("GET","/documents/a"),("GET","/jobs"),("GET","/namespaces"),("GET","/hirag/admin/stats"),("GET","/readyz"),("GET","/healthz"),("GET","/"),("GET","/nope"),("PUT","/documents"),("GET","/hirag/query"),("POST","/ingest"),("POST","/documents"),("GET","/documents?foo=1&limit=0"),("GET","/metrics")]:
        r = await client.request(m,u); print(m,u,r.status_code,r.text[:1500])
    r = await client.get("/openapi.json"); print(r.status_code, len(r.text)); 
    r = await client.post("/hirag/query", json={"query":"", "k":0, "nope":1, "filters":{"page":{"x":1}}}); print(r.text)
    r = await client.post("/hirag/query", content=b"{nope"); print(r.text)
